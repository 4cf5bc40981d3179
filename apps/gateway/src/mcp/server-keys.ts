/** What a key of a server holds: `texts` is a list of texts or one, `textLists` a map of such. */
export type KeyShape = 'text' | 'prose' | 'texts' | 'textMap' | 'textLists' | 'truth' | 'seconds' | 'map'

/** Keys of LiteLLM and what they mean there: https://docs.litellm.ai/docs/mcp. `tags`, `tool_tags` and `cwd` are ours. */
export const serverKeys: Readonly<Record<string, KeyShape>> = {
  access_groups: 'texts',
  alias: 'text',
  allow_all_keys: 'truth',
  allowed_params: 'textLists',
  allowed_tools: 'texts',
  args: 'texts',
  audience: 'text',
  auth_type: 'text',
  auth_value: 'text',
  authentication_token: 'text',
  authorization_url: 'text',
  available_on_public_internet: 'truth',
  client_id: 'text',
  client_secret: 'text',
  command: 'text',
  cwd: 'text',
  description: 'prose',
  disallowed_tools: 'texts',
  env: 'textMap',
  extra_headers: 'texts',
  instructions: 'prose',
  mcp_info: 'map',
  oauth2_flow: 'text',
  registration_url: 'text',
  scopes: 'texts',
  spec_path: 'text',
  static_headers: 'textMap',
  subject_token_type: 'text',
  tags: 'texts',
  timeout: 'seconds',
  token_exchange_endpoint: 'text',
  token_url: 'text',
  tool_name_to_description: 'textMap',
  tool_name_to_display_name: 'textMap',
  tool_tags: 'textLists',
  transport: 'text',
  url: 'text',
}

/** Those that would keep something out, or change what a server is; who has them counts on it. */
export const keysWithoutEffect: ReadonlySet<string> = new Set(
  `aws_access_key_id aws_region_name aws_secret_access_key aws_service_name aws_session_token spec_version`.split(
    /\s+/,
  ),
)

/**
 * What AWS' own home of MCP servers is called in signatures.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrockagentcore.html
 */
export const agentCore = 'bedrock-agentcore'

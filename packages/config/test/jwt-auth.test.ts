import { describe, expect, test } from 'vitest'
import { formatProblem, readConfig } from '../src/index.ts'

const read = (settings: string, general = 'enable_jwt_auth: true') =>
  readConfig(`general_settings: {${general}, tianji_jwtauth: {${settings}}}`, { env: () => undefined })
const problemsOf = (settings: string) =>
  read(settings).problems.map((problem) => formatProblem(problem).replace(/^.*?(error|warning|note)/, '$1'))

describe('litellm_jwtauth', () => {
  test('is there as written, with role_permissions, when it is switched on', () => {
    const { config } = read(
      'user_id_jwt_field: sub, public_key_ttl: "60"',
      'enable_jwt_auth: "True", role_permissions: []',
    )
    expect(config?.general.jwtAuth).toEqual({ user_id_jwt_field: 'sub', public_key_ttl: '60', role_permissions: [] })
    expect(config?.general.rest).toEqual({})
  })

  test('is not there, nor judged, when it is off', () => {
    const { config, problems } = read('scope_mappings: []', 'enable_jwt_auth: false')
    expect(config?.general.jwtAuth).toBeUndefined()
    expect(problems).toEqual([])
  })

  test('warns of keys that nobody knows, and of those without effect', () => {
    expect(problemsOf('audiance: us')).toEqual([
      'warning: general_settings.tianji_jwtauth.audiance: unknown key. Did you mean audience?',
    ])
    expect(problemsOf('enforce_team_based_model_access: true, sync_user_role_and_teams: true')).toEqual([
      'warning: general_settings.tianji_jwtauth.enforce_team_based_model_access: has no effect here yet. Confine tokens by scope_mappings or role_permissions.',
      'note: general_settings.tianji_jwtauth.sync_user_role_and_teams: has no effect here yet.',
    ])
    expect(problemsOf('custom_validate: module.check')).toEqual([
      'warning: general_settings.tianji_jwtauth.custom_validate: is Python code, which does not run here; it is left out. Use enforce_rbac with role_mappings.',
    ])
    expect(readConfig('general_settings: {team_ids_jwt_field: a}', { env: () => undefined }).problems).toMatchObject([
      { severity: 'warning', message: 'unknown key. It belongs to general_settings.litellm_jwtauth.' },
    ])
  })

  test.each([
    ['user_roles_jwt_field: roles', 'user_roles_jwt_field: needs user_allowed_roles as well'],
    ['user_allowed_roles: [a], enforce_rbac: true', 'user_allowed_roles: needs user_roles_jwt_field as well'],
    ['object_id_jwt_field: oid', 'object_id_jwt_field: needs role_mappings as well'],
    ['role_mappings: [], enforce_rbac: true', 'role_mappings: needs roles_jwt_field as well'],
    ['user_allowed_email_domain: a.com', 'user_allowed_email_domain: needs user_email_jwt_field as well'],
    ['scope_mappings: []', 'scope_mappings: needs enforce_scope_based_access: true as well'],
    ['enforce_scope_based_access: true', 'enforce_scope_based_access: needs scope_mappings as well'],
    [
      'role_mappings: [{role: a, internal_role: god}], roles_jwt_field: r, enforce_rbac: true',
      'role_mappings[0].internal_role: expected proxy_admin, proxy_admin_viewer, internal_user, internal_user_viewer or team, received "god"',
    ],
    ['audience: {a: b}', 'audience: expected a string or a list of strings, received a map'],
  ])('that says {%s} is an error', (settings, message) => {
    expect(problemsOf(settings)).toEqual([`error: general_settings.tianji_jwtauth.${message}`])
  })

  test('whose roles keep nobody out is warned of', () => {
    expect(problemsOf('roles_jwt_field: r, role_mappings: [{role: a, internal_role: team}]')).toEqual([
      'warning: general_settings.tianji_jwtauth.role_mappings: keeps nobody out: tokens without such a role are let in too, unless enforce_rbac is true.',
    ])
  })

  test('takes fields of an issuer of its own for good', () => {
    expect(
      problemsOf(
        'user_allowed_email_domain: a.com, issuers: [{issuer: "https://a", audience: b, user_email_jwt_field: mail}]',
      ),
    ).toEqual([])
  })

  test('is not read without a variable it needs: without an audience too much is let in', () => {
    const { config, problems } = read('audience: os.environ/AUDIENCE')
    expect(config).toBeUndefined()
    expect(problems).toMatchObject([{ severity: 'error', path: 'general_settings.tianji_jwtauth.audience' }])
  })
})

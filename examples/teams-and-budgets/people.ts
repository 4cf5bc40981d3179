import { clientOf, type Facts, get, heading, newKey, outcomeOf, post, tell } from './gateway.ts'

/** Makes all those whose limits and budgets the rest of the tour runs into. */
export async function people(): Promise<void> {
  heading('People')
  const budget = await post('/budget/new', { budget_id: 'starter', max_budget: 1, budget_duration: '30d' })
  tell('a budget with a name', some(budget, 'budget_id', 'max_budget', 'budget_duration'))
  const acme = await post('/organization/new', {
    organization_id: 'acme',
    organization_alias: 'Acme',
    max_budget: 6,
  })
  tell('an organization', some(acme, 'organization_alias', 'max_budget'))

  const ada = await post('/user/new', {
    user_id: 'ada',
    user_email: 'ada@example.com',
    user_role: 'internal_user',
    max_budget: 2,
  })
  tell('a user with a budget', some(ada, 'user_id', 'user_email', 'user_role', 'max_budget'))
  const carl = await post('/user/new', { user_id: 'carl', rpm_limit: 1, auto_create_key: false })
  tell('a user with a limit', some(carl, 'user_id', 'user_role', 'rpm_limit'))

  const blue = await post('/team/new', {
    team_id: 'blue',
    team_alias: 'Blue',
    organization_id: 'acme',
    max_budget: 3,
    rpm_limit: 100,
    tpm_limit: 10_000,
    members_with_roles: [{ role: 'admin', user_id: 'ada' }],
  })
  tell(
    'a team of the organization',
    some(blue, 'team_alias', 'organization_id', 'max_budget', 'rpm_limit', 'tpm_limit'),
  )
  const red = await post('/team/new', { team_id: 'red', tpm_limit: 5 })
  tell('a team with a limit', some(red, 'team_id', 'tpm_limit'))

  const added = await post<{ readonly updated_team_memberships: readonly Facts[] }>('/team/member_add', {
    team_id: 'blue',
    member: { role: 'user', user_id: 'bob' },
    max_budget_in_team: 1,
  })
  tell('a member with a budget', some(added.updated_team_memberships[0]!, 'user_id', 'role', 'max_budget_in_team'))
  const { members_with_roles } = (await get<{ readonly team_info: Facts }>('/team/info', { team_id: 'blue' })).team_info
  tell('the members of the team', members_with_roles)

  const shop = await post('/customer/new', { user_id: 'shop', alias: 'The shop', budget_id: 'starter' })
  tell('a customer of ours', some(shop, 'user_id', 'alias', 'budget_id'))

  await whoMayWhat(clientOf(String(ada.key)))
  await mistakes()
}

async function whoMayWhat(ada: ReturnType<typeof clientOf>): Promise<void> {
  heading('Who may what')
  const { user_info } = await get<{ readonly user_info: Facts }>('/user/info', {}, ada)
  tell('ada looks at herself', some(user_info, 'user_id', 'max_budget', 'teams'))
  tell('ada makes a key of hers', await outcomeOf(post('/key/generate', { key_alias: 'adas own' }, ada)))
  tell('ada makes a key of her team', await outcomeOf(post('/key/generate', { team_id: 'blue' }, ada)))
  tell('ada makes a key of another team', await outcomeOf(post('/key/generate', { team_id: 'red' }, ada)))
  tell('ada raises her own budget', await outcomeOf(post('/user/update', { user_id: 'ada', max_budget: 9 }, ada)))
  tell('ada looks at carl', await outcomeOf(get('/user/info', { user_id: 'carl' }, ada)))
  const bob = await newKey({ user_id: 'bob' })
  tell('bob makes a key of ada', await outcomeOf(post('/key/generate', { user_id: 'ada' }, bob)))
  tell('a key that nobody has', await outcomeOf(get('/user/info', {}, clientOf('sk-made-up'))))
}

async function mistakes(): Promise<void> {
  heading('Mistakes')
  const key = (fields: object) => outcomeOf(post('/key/generate', fields))
  tell('a limit that is mistyped', await key({ rpm_limt: 5 }))
  tell('a budget below zero', await key({ max_budget: -1 }))
  tell('a time that is none', await key({ max_budget: 1, budget_duration: 'monthly' }))
  tell('a team that is not there', await key({ team_id: 'green' }))
  tell('a user who is there already', await outcomeOf(post('/user/new', { user_id: 'ada' })))
  tell('a team that is there already', await outcomeOf(post('/team/new', { team_id: 'blue' })))
  tell('a budget that is in use', await outcomeOf(post('/budget/delete', { id: 'starter' })))
}

function some(facts: Facts, ...names: readonly string[]): Facts {
  return Object.fromEntries(names.map((name) => [name, facts[name]]))
}

import { type Budgets, createBudgets } from './budgets.ts'
import { type Customers, createCustomers } from './customers.ts'
import { createKeys, type Keys } from './keys.ts'
import { createOrganizations, type Organizations } from './organizations.ts'
import type { Rooms } from './rooms.ts'
import { createTeams, type Teams } from './teams.ts'
import { createUsers, type Users } from './users.ts'

/** All that is said of keys, people and budgets, and may be changed. */
export interface Directory {
  readonly keys: Keys
  readonly users: Users
  readonly teams: Teams
  readonly organizations: Organizations
  readonly customers: Customers
  readonly budgets: Budgets
}

/** The directory of a store. */
export function createDirectory(rooms: Rooms): Directory {
  return {
    keys: createKeys(rooms),
    users: createUsers(rooms),
    teams: createTeams(rooms),
    organizations: createOrganizations(rooms),
    customers: createCustomers(rooms),
    budgets: createBudgets(rooms),
  }
}

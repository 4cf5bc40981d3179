import type { JsonObject } from '@tianjillm/core'
import type { Actor, Directory } from '@tianjillm/tenancy'
import { demandKnownObjects } from './known-objects.ts'
import { actorOf, demandTenancy, type ManagementRoute } from './management.ts'

/** `asked` is the query of a GET, and else the body. */
type Act = (directory: Directory, asked: unknown, by: Actor) => Promise<JsonObject | readonly unknown[]>

/** What is done to users, teams and organizations. https://docs.litellm.ai/docs/proxy/user_management_heirarchy */
const people: readonly (readonly [ManagementRoute['method'], path: string, act: Act])[] = [
  ['POST', '/user/new', ({ users }, asked, by) => users.create(asked, by)],
  ['POST', '/user/update', ({ users }, asked, by) => users.update(asked, by)],
  ['POST', '/user/delete', ({ users }, asked, by) => users.delete(asked, by)],
  ['POST', '/user/block', ({ users }, asked, by) => users.setBlocked(asked, true, by)],
  ['POST', '/user/unblock', ({ users }, asked, by) => users.setBlocked(asked, false, by)],
  ['GET', '/user/info', ({ users }, asked, by) => users.info(asked, by)],
  ['GET', '/user/list', ({ users }, asked, by) => users.list(asked, by)],

  ['POST', '/team/new', ({ teams }, asked, by) => teams.create(asked, by)],
  ['POST', '/team/update', ({ teams }, asked, by) => teams.update(asked, by)],
  ['POST', '/team/delete', ({ teams }, asked, by) => teams.delete(asked, by)],
  ['POST', '/team/block', ({ teams }, asked, by) => teams.setBlocked(asked, true, by)],
  ['POST', '/team/unblock', ({ teams }, asked, by) => teams.setBlocked(asked, false, by)],
  ['POST', '/team/member_add', ({ teams }, asked, by) => teams.addMembers(asked, by)],
  ['POST', '/team/member_update', ({ teams }, asked, by) => teams.updateMember(asked, by)],
  ['POST', '/team/member_delete', ({ teams }, asked, by) => teams.removeMember(asked, by)],
  ['GET', '/team/info', ({ teams }, asked, by) => teams.info(asked, by)],
  ['GET', '/team/list', ({ teams }, asked, by) => rows('teams', teams.list(many(asked), by))],
  ['GET', '/v2/team/list', ({ teams }, asked, by) => teams.list(asked, by)],

  ['POST', '/organization/new', ({ organizations }, asked, by) => organizations.create(asked, by)],
  ['PATCH', '/organization/update', ({ organizations }, asked, by) => organizations.update(asked, by)],
  ['DELETE', '/organization/delete', ({ organizations }, asked, by) => organizations.delete(asked, by)],
  ['GET', '/organization/info', ({ organizations }, asked, by) => organizations.info(asked, by)],
  [
    'GET',
    '/organization/list',
    ({ organizations }, asked, by) => rows('organizations', organizations.list(many(asked), by)),
  ],

  ['POST', '/budget/new', ({ budgets }, asked, by) => budgets.create(asked, by)],
  ['POST', '/budget/update', ({ budgets }, asked, by) => budgets.update(asked, by)],
  ['POST', '/budget/delete', ({ budgets }, asked, by) => budgets.delete(asked, by)],
  ['POST', '/budget/info', ({ budgets }, asked, by) => rows('budgets', budgets.info(asked, by))],
  ['GET', '/budget/list', ({ budgets }, asked, by) => rows('budgets', budgets.list(many(asked), by))],
]

/** What is done to the customers of clients, under both of their names. https://docs.litellm.ai/docs/proxy/customers */
const customers: readonly (readonly [ManagementRoute['method'], end: string, act: Act])[] = [
  ['POST', 'new', ({ customers }, asked, by) => customers.create(asked, by)],
  ['POST', 'update', ({ customers }, asked, by) => customers.update(asked, by)],
  ['POST', 'delete', ({ customers }, asked, by) => customers.delete(asked, by)],
  ['POST', 'block', ({ customers }, asked, by) => customers.setBlocked(asked, true, by)],
  ['POST', 'unblock', ({ customers }, asked, by) => customers.setBlocked(asked, false, by)],
  ['GET', 'info', ({ customers }, asked, by) => customers.info(asked, by)],
  ['GET', 'list', ({ customers }, asked, by) => rows('customers', customers.list(many(asked), by))],
]

/** People of the database, and what they are held to. Whoever asks is told of, and changes, what is theirs. */
export const peopleRoutes: readonly ManagementRoute[] = [
  ...people.map(([method, path, act]) => routeOf(method, path, act)),
  ...['customer', 'end_user'].flatMap((name) =>
    customers.map(([method, end, act]) => routeOf(method, `/${name}/${end}`, act)),
  ),
]

function routeOf(method: ManagementRoute['method'], path: string, act: Act): ManagementRoute {
  return {
    method,
    path,
    audience: 'everybody',
    async handle(request) {
      await demandKnownObjects(request)
      const { gateway, identity, query, body } = request
      return act(demandTenancy(gateway).directory, method === 'GET' ? query : body, actorOf(identity))
    },
  }
}

/** Rows that a list answered without pages has, unless it is asked for fewer. */
const MANY = 1_000

function many(query: unknown): JsonObject {
  // A query is an object.
  return { page_size: MANY, ...(query as JsonObject) }
}

/** LiteLLM answers some lists with nothing around them. */
async function rows(name: string, page: Promise<JsonObject>): Promise<readonly unknown[]> {
  return (await page)[name] as readonly unknown[]
}

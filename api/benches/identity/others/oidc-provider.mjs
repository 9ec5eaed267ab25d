// SPDX-License-Identifier: MIT OR Apache-2.0
//
// `oidc-provider` with everything in memory: signing in with a password, refresh tokens that are
// rotated, introspection.
//
//   node oidc-provider.mjs <port> <people> <password>
import { generateKeyPairSync } from 'node:crypto'
import Provider, { errors } from 'oidc-provider'
import { hash, verify } from './passwords.mjs'

const [port, people, password] = process.argv.slice(2)
const SCOPE = 'openid offline_access'

/// The adapter that comes with it keeps a thousand entries in all, which a run outgrows in a second.
/// This one keeps everything and does less for it.
class Memory {
  static entries = new Map()
  #model

  constructor(model) {
    this.#model = model
  }

  #key(id) {
    return `${this.#model}:${id}`
  }

  async upsert(id, payload) {
    Memory.entries.set(this.#key(id), payload)
  }

  async find(id) {
    return Memory.entries.get(this.#key(id))
  }

  async consume(id) {
    Memory.entries.get(this.#key(id)).consumed = Math.floor(Date.now() / 1000)
  }

  async destroy(id) {
    Memory.entries.delete(this.#key(id))
  }

  async revokeByGrantId() {}
}

const accounts = new Map()
const stored = await hash(password)
for (let number = 0; number < Number(people); number++) {
  accounts.set(`person.${number}@casks.example`, stored)
}

// RSA 2048, as ours.
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Memory,
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
  clients: [
    {
      client_id: 'bench',
      client_secret: 'bench',
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['password', 'refresh_token', 'authorization_code'],
      redirect_uris: ['https://casks.example/back'],
      id_token_signed_response_alg: 'RS256',
    },
  ],
  features: { introspection: { enabled: true }, devInteractions: { enabled: false } },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  rotateRefreshToken: true,
  ttl: { AccessToken: 900, IdToken: 900, Grant: 604800, RefreshToken: 604800 },
})

// One request with a password, for one answer with tokens, which is what ours is. Its own way to
// sign in is a page and four redirects.
provider.registerGrantType(
  'password',
  async (ctx) => {
    const { AccessToken, Grant, IdToken, RefreshToken } = provider
    const { client, params } = ctx.oidc
    const known = accounts.get(params.username)
    if (!(await verify(known ?? stored, params.password)) || known === undefined) {
      throw new errors.InvalidGrant('wrong credentials')
    }
    const accountId = params.username
    const grant = new Grant({ accountId, clientId: client.clientId })
    grant.addOIDCScope(SCOPE)
    const grantId = await grant.save()
    const of = { accountId, client, grantId, gty: 'password', scope: SCOPE }
    const access = new AccessToken({ ...of, expiresWithSession: false })
    const authTime = Math.floor(Date.now() / 1000)
    const refresh = new RefreshToken({ ...of, authTime, expiresWithSession: false, rotations: 0 })
    const [access_token, refresh_token] = [await access.save(), await refresh.save()]
    const id = new IdToken({ sub: accountId, auth_time: authTime }, { ctx })
    id.scope = SCOPE
    const id_token = await id.issue({ use: 'idtoken' })
    ctx.body = {
      access_token,
      expires_in: access.expiration,
      id_token,
      refresh_token,
      scope: SCOPE,
      token_type: 'Bearer',
    }
  },
  ['username', 'password'],
)

provider.listen(Number(port), '127.0.0.1')

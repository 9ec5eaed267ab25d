// SPDX-License-Identifier: MIT OR Apache-2.0
//
// An approval as the event store keeps it: its leaf, and its parts as the
// contract wants them.
import assert from 'node:assert/strict'
import { leafHash, sha256 } from './merkle.mjs'

/// The leaf of an event, as docs/architecture.md has it.
export function leafOf({ envelope, tenantPosition, recordedAt }) {
  const head = Buffer.alloc(36)
  head.write('caskev1')
  head.writeBigUInt64BE(BigInt(JSON.parse(envelope).tenant), 12)
  head.writeBigUInt64BE(BigInt(tenantPosition), 20)
  head.writeBigInt64BE(BigInt(recordedAt), 28)
  return leafHash(Buffer.concat([head, sha256(envelope)]))
}

/// The tuple `ApprovalProof`, in the words of cast.
export function proofOf({ envelope, position, tenantPosition, recordedAt }, treeSize, path) {
  const { salt, tenant, sequence } = JSON.parse(envelope)
  const rest = envelope.slice(envelope.indexOf('"schemaVersion"'))
  const hex = (bytes) => `0x${Buffer.from(bytes).toString('hex')}`
  const fields = [
    hex(Buffer.from(salt, 'base64url')), tenant, sequence, hex(rest),
    tenantPosition, recordedAt, position, treeSize, list(path),
  ]
  return `(${fields.join()})`
}

/// Hashes in the words of cast.
export const list = (hashes) => `[${hashes.map((hash) => `0x${hash.toString('hex')}`).join()}]`

/// An approval of a cask with the fields, and about the length, of those the platform stores.
export function sample(cask, position) {
  const envelope = JSON.stringify({
    salt: 'XiEs8tRodSgYYc0WG6W9dg',
    tenant: '1',
    aggregateType: 'whiskey',
    aggregateId: cask,
    sequence: 2,
    type: 'whiskey.approved',
    schemaVersion: 1,
    data: { by: '29371505060085765' },
    metadata: {
      actor: '29371505060085765',
      actorType: 'user',
      sessionId: '29371569689067525',
      correlationId: '_eoNKuS3tCzSN8XD',
      causationId: 'request:_eoNKuS3tCzSN8XD',
      occurredAt: '2026-11-21T04:48:31.751Z',
    },
  })
  assert.equal(JSON.parse(envelope).aggregateId, cask)
  return { envelope, position, tenantPosition: position, recordedAt: '1795236511751' }
}

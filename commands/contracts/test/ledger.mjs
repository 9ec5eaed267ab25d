#!/usr/bin/env node
// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Mints against an approval out of a log that the event store wrote.
//
//   node test/ledger.mjs LOG.json
//
// LOG.json: { "events": [ { "position", "tenantPosition", "recordedAt", "envelope", "leaf" } … ] },
// all events of a log in their order; leaves in hex, numbers as text.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { leafOf, list, proofOf } from './approval.mjs'
import { artefact, withChain } from './chain.mjs'
import { Ledger, leafHash } from './merkle.mjs'

const { events } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const leaves = events.map(({ leaf }) => leafHash(Buffer.from(leaf, 'hex')))
const log = new Ledger(leaves.entries())
const DIGEST = '0x' + '11'.repeat(32)

const told = (event) => JSON.parse(event.envelope)
const ofType = (type) => events.filter((event) => told(event).type === type)
const cask = (event) => told(event).aggregateId

const approvals = ofType('whiskey.approved')
const approved = approvals.map(cask)
const unapproved = ofType('whiskey.registered').filter((event) => !approved.includes(cask(event)))
assert(approvals.length > 0 && unapproved.length > 0, 'the log shows too little')

const proof = (event, size) =>
  proofOf(event, size, log.inclusion(Number(event.position), size))

await withChain('cancun', async (chain) => {
  const [admin, minter, holder, anchorer] = await chain.ask('eth_accounts')
  const { contract: nft } = await chain.deploy(artefact, admin)
  await nft.grant(admin, 'MINTER_ROLE', minter)
  await nft.grant(admin, 'ANCHOR_ROLE', anchorer)
  await nft.act(admin, 'setApprovalRequired', true)
  const refuse = (id, claim) =>
    nft.fail(minter, 'ApprovalNotProven(uint256)', 'mintApproved', holder, id, DIGEST, claim)

  for (let size = 1; size <= events.length; size++) {
    const growth = size === 1 ? [] : log.consistency(size - 1, size)
    await nft.act(anchorer, 'anchor', size, `0x${log.root(size).toString('hex')}`, list(growth))
  }
  console.log(`anchored ${events.length} checkpoints of a log of ${events.length} events`)

  for (const [i, event] of approvals.entries()) {
    assert(leafOf(event).equals(leaves[event.position]), 'the leaf is put together differently')
    // By turns against the tree that ends with the event and against the whole.
    const size = i % 2 === 0 ? Number(event.position) + 1 : events.length
    for (const other of unapproved) await refuse(cask(other), proof(event, size))
    await nft.act(minter, 'mintApproved', holder, cask(event), DIGEST, proof(event, size))
    console.log(`minted ${cask(event)}: its approval is event ${event.position} of ${size}`)
  }
  for (const event of unapproved) {
    await refuse(cask(event), proof(event, events.length))
    console.log(`refused ${cask(event)}: it was registered and never approved`)
  }
})

#!/usr/bin/env node
// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Deploys the committed artefact on a real node and measures it. The forge
// tests compile the sources themselves and know no blocks or transaction fees;
// this checks the bytes that will be deployed, the way the platform sends them.
//
//   node test/anvil.mjs [hardfork]        hardfork: cancun if not given
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { leafOf, list, proofOf, sample } from './approval.mjs'
import { artefact, cast, root, withChain } from './chain.mjs'
import { Ledger } from './merkle.mjs'

const hardfork = process.argv[2] ?? 'cancun'
// The goal of the platform, without what every transaction pays.
const MOST_GAS_PER_MINT = 80_000
const CASK = 7212345678901234567n
const DIGEST = '0x' + createHash('sha256').update('{}').digest('hex')
const OTHER_DIGEST = '0x' + '11'.repeat(32)

const built = (name) => {
  const path = join(root, '.forge', 'out', `${name}.sol`, `${name}.json`)
  assert(existsSync(path), 'forge has not built yet; run: npm test')
  const { abi, bytecode } = JSON.parse(readFileSync(path, 'utf8'))
  return { abi, bytecode: bytecode.object }
}
const say = (what, text) => console.log(`${what.padEnd(34)} ${text}`)
const gas = (number) => `${number} gas`
const result = {}

// Only if forge's code is the artefact's do the forge tests say something about
// what is deployed.
assert.equal(built('CaskNft').bytecode, artefact.bytecode, 'forge tested other code')
console.log('forge tested exactly the code of the artefact')

await withChain(hardfork, async (chain) => {
  const [admin, minter, holder, buyer, custodian, anchorer, ...others] =
    await chain.ask('eth_accounts')

  async function deployed() {
    const { contract: nft, receipt } = await chain.deploy(artefact, admin)
    await nft.grant(admin, 'MINTER_ROLE', minter)
    await nft.grant(admin, 'CUSTODIAN_ROLE', custodian)
    await nft.grant(admin, 'METADATA_ROLE', admin)
    await nft.grant(admin, 'ANCHOR_ROLE', anchorer)
    return { nft, receipt }
  }

  const { nft, receipt } = await deployed()
  const code = await chain.ask('eth_getCode', nft.address, 'latest')
  assert.equal(code, artefact.deployedBytecode, 'the chain holds the code of the artefact')
  say('hard fork', hardfork)
  say('deployed size', `${code.length / 2 - 1} bytes (limit 24576)`)
  say('deployment', gas(Number(receipt.gasUsed)))

  await mints(nft)
  await life(nft)
  await batches(nft)
  await custody((await deployed()).nft)
  await ledger((await deployed()).nft)

  /// The mint, beside the usual way in the same state: the contract's first, to a
  /// new holder, and the one after it.
  async function mints(nft) {
    const uri = `ipfs://f01551220${DIGEST.slice(2)}`
    const { contract: reference } = await chain.deploy(built('ReferenceNft'), admin)
    await reference.grant(admin, 'MINTER_ROLE', minter)

    await nft.act(minter, 'mint', others[0], 1, DIGEST)
    const first = await nft.act(minter, 'mint', holder, CASK, DIGEST)
    const next = await nft.act(minter, 'mint', holder, CASK + 1n, DIGEST)
    await reference.act(minter, 'safeMint', others[0], 1, uri)
    const usual = await reference.act(minter, 'safeMint', holder, CASK, uri)
    const usualNext = await reference.act(minter, 'safeMint', holder, CASK + 1n, uri)
    say('mint, new holder', `${gas(first.gas)}, ${first.execution} of them execution`)
    say('mint, same holder', `${gas(next.gas)}, ${next.execution} of them execution`)
    say('usual mint, new holder', `${gas(usual.gas)}, ${usual.execution} of them execution`)
    say('usual mint, same holder', `${gas(usualNext.gas)}, ${usualNext.execution} of them execution`)
    assert(first.execution <= MOST_GAS_PER_MINT, 'a mint costs too much')
    result.gas_per_mint = first.execution
    result.gas_reference = usual.execution

    const { logs } = first.receipt
    assert.equal(logs.length, 3)
    assert.equal(logs[1].topics[0], cast('keccak', 'CaskMinted(uint256,address,bytes32)'))
    assert.equal(BigInt(logs[1].topics[1]), CASK)
    assert.equal(logs[1].data, DIGEST)
    assert.equal(BigInt(await nft.ask('ownerOf', CASK)), BigInt(holder))
    assert.equal(await nft.ask('digestOf', CASK), DIGEST)
    const answered = cast('abi-decode', 'f()(string)', await nft.ask('tokenURI', CASK))
    assert.equal(answered, `"${uri}"`)
    assert.equal(cast('abi-decode', 'f()(string)', await reference.ask('tokenURI', CASK)), answered)
    say('tokenURI, of both', uri)

    // In a block a second mint fails, in a call it says why.
    const error = 'AlreadyMinted(uint256,bytes32)'
    const again = await nft.fail(minter, error, 'mint', buyer, CASK, OTHER_DIGEST)
    assert.equal(again.data.slice(10), CASK.toString(16).padStart(64, '0') + DIGEST.slice(2))
    say('second mint', `fails, ${gas(again.gas)}`)
  }

  /// What happens to a token after its mint.
  async function life(nft) {
    const move = await nft.act(holder, 'transferFrom', holder, buyer, CASK)
    say('transfer', gas(move.gas))
    const lock = await nft.act(custodian, 'lock', CASK)
    await nft.fail(buyer, 'TokenLocked(uint256)', 'transferFrom', buyer, holder, CASK)
    const texts = ['CaskChain', 'See the warehousekeeper', 'Bond 4', 'ipfs://terms', 'Scotland']
    const properties = `(${texts.join()},(GBP,1250000))`
    const stated = await nft.act(admin, 'setPropertiesOf', CASK, properties)
    say('properties (ERC-7578), short', gas(stated.gas))
    const redeem = await nft.act(custodian, 'redeem', CASK)
    say('lock, redeem with properties', `${lock.gas}, ${gas(redeem.gas)}`)
    const error = 'AlreadyMinted(uint256,bytes32)'
    await nft.fail(minter, error, 'mint', holder, CASK, DIGEST)
    assert.equal(await nft.ask('digestOf', CASK), DIGEST)
    console.log('a redeemed id cannot be minted again')
  }

  async function batches(nft) {
    const casks = (count) =>
      `[${Array.from({ length: count }, (_, i) => `(${address(i)},${1000 + i},${DIGEST})`).join()}]`
    const most = Number(await nft.ask('MAX_BATCH'))
    const half = await nft.act(minter, 'mintBatch', casks(most / 2))
    const whole = await nft.act(minter, 'mintBatch', casks(most))
    const skipped = cast('keccak', 'CaskMintSkipped(uint256,bytes32)')
    const count = whole.receipt.logs.filter((log) => log.topics[0] === skipped).length
    assert.equal(count, most / 2, 'each that was minted is skipped')
    const again = await nft.act(minter, 'mintBatch', casks(most))
    const perItem = ({ gas }, items) => Math.round(gas / items)
    say(`batch of ${most / 2}, new holders`, `${gas(half.gas)}, ${perItem(half, most / 2)} each`)
    say(`batch of ${most}, all skipped`, `${gas(again.gas)}, ${perItem(again, most)} each`)
    result.gas_per_mint_in_batch = perItem(half, most / 2)
  }

  async function custody(nft) {
    await nft.act(admin, 'restrictTransfersToCustodian')
    const mint = await nft.act(minter, 'mint', holder, CASK, DIGEST)
    await nft.fail(holder, 'TokenLocked(uint256)', 'transferFrom', holder, buyer, CASK)
    const move = await nft.act(custodian, 'transferByCustodian', holder, buyer, CASK)
    assert.equal(BigInt(await nft.ask('ownerOf', CASK)), BigInt(buyer))
    say('custodial: mint, transfer', `${mint.gas}, ${gas(move.gas)}`)
  }

  /// Anchors and proofs at sizes from a pilot to more events than the platform will see.
  async function ledger(nft) {
    const sizes = [70_000, 1_500_003, 1_000_000_000]
    // Somewhere in the last twentieth: old enough to be anchored, too new to be near the left edge.
    const approvals = sizes.map((size, i) => sample(String(CASK + BigInt(i)), Math.floor(size * 0.93)))
    const log = new Ledger(approvals.map((approval) => [approval.position, leafOf(approval)]))
    await nft.act(admin, 'setApprovalRequired', true)
    await nft.fail(minter, 'ApprovalProofMissing(uint256)', 'mint', holder, CASK, DIGEST)

    let before = 0
    const hex = (hash) => `0x${hash.toString('hex')}`
    async function anchor(size) {
      const proof = before === 0 ? [] : log.consistency(before, size)
      before = size
      const { gas } = await nft.act(anchorer, 'anchor', size, hex(log.root(size)), list(proof))
      return { gas, hashes: proof.length }
    }
    for (const [i, size] of sizes.entries()) {
      await anchor(Math.floor(size * 0.95))
      const anchored = await anchor(size)
      const text = `${gas(anchored.gas)}, ${anchored.hashes} hashes`
      say(`anchor at ${size} events`, text)
      const approval = approvals[i]
      const path = log.inclusion(approval.position, size)
      const [cask, proof] = [CASK + BigInt(i), proofOf(approval, size, path)]
      const error = 'ApprovalNotProven(uint256)'
      await nft.fail(minter, error, 'mintApproved', address(i), cask + 100n, DIGEST, proof)
      const mint = await nft.act(minter, 'mintApproved', address(i), cask, DIGEST, proof)
      const cost = `${gas(mint.gas)}, ${mint.execution} of them execution, ${path.length} hashes`
      say(`mint with proof, ${size} events`, cost)
      if (i === 1) [result.gas_anchor, result.gas_per_mint_with_proof] = [anchored.gas, mint.gas]
    }
  }
})

/// Somebody new.
function address(number) {
  return `0x${(0xd00000 + number).toString(16).padStart(40, '0')}`
}

const figures = Object.entries(result).map(([name, value]) => `${name}=${value}`)
console.log(`RESULT ${figures.join(' ')}`)

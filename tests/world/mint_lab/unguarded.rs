//! A contract without a guard: each mint logs a transfer from nobody, whoever asks and however often.
//! Whatever else it is asked, the answer is nought. Written in the machine's own words.

use ethers_core::utils::keccak256;

const STOP: u8 = 0x00;
const ADD: u8 = 0x01;
const MUL: u8 = 0x02;
const GT: u8 = 0x11;
const EQ: u8 = 0x14;
const ISZERO: u8 = 0x15;
const SHR: u8 = 0x1c;
const CALLDATALOAD: u8 = 0x35;
const JUMP: u8 = 0x56;
const JUMPI: u8 = 0x57;
const JUMPDEST: u8 = 0x5b;
const PUSH1: u8 = 0x60;
const PUSH4: u8 = 0x63;
const PUSH32: u8 = 0x7f;
const DUP1: u8 = 0x80;
const SWAP1: u8 = 0x90;
const LOG4: u8 = 0xa4;
const RETURN: u8 = 0xf3;

/// Its runtime code, in hex.
pub fn code() -> String {
    // Where the jumps go: once with any places, to learn them, and once with these.
    let (_, places) = assemble([0; 4]);
    let (code, same) = assemble(places);
    assert_eq!(places, same);
    format!("0x{}", hex::encode(code))
}

fn assemble([mint, batch, next, end]: [u8; 4]) -> (Vec<u8>, [u8; 4]) {
    let selector = |function: &str| keccak256(function)[..4].to_vec();
    let mut code = Vec::new();
    let mut says = |words: &[&[u8]]| {
        code.extend(words.concat());
        u8::try_from(code.len()).unwrap()
    };
    // Which function it is.
    says(&[&[PUSH1, 0, CALLDATALOAD, PUSH1, 0xe0, SHR, DUP1, PUSH4]]);
    says(&[&selector("mint(address,uint256,bytes32)"), &[EQ, PUSH1, mint, JUMPI, PUSH4]]);
    says(&[&selector("mintBatch((address,uint256,bytes32)[])"), &[EQ, PUSH1, batch, JUMPI]]);
    let at_mint = says(&[&[PUSH1, 0x40, PUSH1, 0, RETURN]]);
    // One: its token and its holder are arguments.
    says(&[&[JUMPDEST, PUSH1, 0x24, CALLDATALOAD, PUSH1, 0x04, CALLDATALOAD]]);
    let at_batch = says(&[&transfer(), &[STOP]]);
    // Several: three words each, after their number.
    let at_next = says(&[&[JUMPDEST, PUSH1, 0]]);
    says(&[&[JUMPDEST, DUP1, PUSH1, 0x24, CALLDATALOAD, GT, ISZERO, PUSH1, end, JUMPI]]);
    says(&[&[DUP1, PUSH1, 0x60, MUL, PUSH1, 0x44, ADD]]);
    says(&[&[DUP1, PUSH1, 0x20, ADD, CALLDATALOAD, SWAP1, CALLDATALOAD]]);
    let at_end = says(&[&transfer(), &[PUSH1, 1, ADD, PUSH1, next, JUMP]]);
    says(&[&[JUMPDEST, STOP]]);
    (code, [at_mint, at_batch, at_next, at_end])
}

/// Logs that the holder on the stack gets the token below it, from nobody.
fn transfer() -> Vec<u8> {
    let topic = keccak256("Transfer(address,address,uint256)");
    [&[PUSH1, 0, PUSH32], &topic[..], &[PUSH1, 0, PUSH1, 0, LOG4]].concat()
}

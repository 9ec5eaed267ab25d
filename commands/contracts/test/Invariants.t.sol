// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ApprovalProof} from "../src/ApprovalEvent.sol";
import {CaskMint, CaskNft} from "../src/CaskNft.sol";
import {DeployedNft} from "./DeployedNft.sol";
import {MerkleTree, NumberedTree} from "./MerkleTree.sol";
import {vm} from "./Vm.sol";

/// @dev Everybody with a key, doing anything at any time with few casks and few holders, so that
/// they meet. What is refused is refused; what went through is noted, and judged by the invariants.
contract Everybody is DeployedNft {
    uint256 public constant CASKS = 6;
    uint64 public constant EVENTS = 64;

    MerkleTree public immutable tree = new NumberedTree(type(uint64).max);
    /// @dev Another from its first event on, so that it extends no anchor.
    MerkleTree private immutable _fork = new NumberedTree(0);

    mapping(uint256 cask => uint256 count) public mints;
    uint256 public burns;
    /// @dev Tokens that moved although locked, by another hand than the custodian's.
    uint256 public lockedMoves;
    /// @dev Mints without a proof while one was required.
    uint256 public unprovenMints;
    /// @dev Anchors that were no larger than the one before, or not of the true history.
    uint256 public wrongAnchors;
    bool public restrictedTooLate;
    uint64[] public anchored;

    constructor(bool custodial) {
        if (!custodial) return;
        vm.prank(ADMIN);
        nft.restrictTransfersToCustodian();
    }

    function contractUnderTest() external view returns (CaskNft) {
        return nft;
    }

    function mintOne(uint256 seed, bytes32 digest) external {
        uint256 cask = _cask(seed);
        if (!_try(MINTER, abi.encodeCall(nft.mint, (_holder(seed), cask, digest)))) return;
        _noteMint(cask);
    }

    function mintSeveral(uint256 seed, bytes32 digest) external {
        CaskMint[] memory casks = new CaskMint[](3);
        bool[3] memory isNew;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 cask = _cask(seed >> (8 * i));
            isNew[i] = nft.digestOf(cask) == 0 && !_isAmong(casks, cask, i);
            casks[i] = CaskMint(_holder(seed), cask, digest);
        }
        if (!_try(MINTER, abi.encodeCall(nft.mintBatch, (casks)))) return;
        for (uint256 i = 0; i < 3; ++i) {
            if (isNew[i]) _noteMint(casks[i].tokenId);
        }
    }

    function mintWithAnyProof(uint256 seed, bytes32 digest, ApprovalProof memory proof) external {
        (proof.treeSize,) = nft.anchoredHead();
        bytes memory call =
            abi.encodeCall(nft.mintApproved, (_holder(seed), _cask(seed), digest, proof));
        if (_try(MINTER, call)) ++unprovenMints;
    }

    function transfer(uint256 seed, uint256 who) external {
        uint256 cask = _cask(seed);
        (bool lives, address from) = _ownerOf(cask);
        bool locked = lives && nft.locked(cask);
        address[4] memory hands = [from, _holder(who), CUSTODIAN, MINTER];
        bytes memory call = abi.encodeCall(nft.transferFrom, (from, _holder(who), cask));
        if (_try(hands[who % 4], call) && locked) ++lockedMoves;
    }

    function approveAll(uint256 seed, uint256 who) external {
        _try(_holder(seed), abi.encodeCall(nft.setApprovalForAll, (_holder(who), who % 2 == 0)));
    }

    function transferByCustodian(uint256 seed, uint256 who) external {
        uint256 cask = _cask(seed);
        (, address from) = _ownerOf(cask);
        _try(CUSTODIAN, abi.encodeCall(nft.transferByCustodian, (from, _holder(who), cask)));
    }

    function lock(uint256 seed) external {
        _try(CUSTODIAN, abi.encodeCall(nft.lock, (_cask(seed))));
    }

    function unlock(uint256 seed) external {
        _try(CUSTODIAN, abi.encodeCall(nft.unlock, (_cask(seed))));
    }

    function redeem(uint256 seed) external {
        if (_try(CUSTODIAN, abi.encodeCall(nft.redeem, (_cask(seed))))) ++burns;
    }

    function setMetadataDigest(uint256 seed, bytes32 digest) external {
        _try(EDITOR, abi.encodeCall(nft.setMetadataDigest, (_cask(seed), digest)));
    }

    function switchApproval(uint8 seed) external {
        _try(ADMIN, abi.encodeCall(nft.setApprovalRequired, (seed % 4 == 0)));
    }

    function restrictTransfers() external {
        bool isLate = false;
        for (uint256 cask = 1; cask <= CASKS; ++cask) {
            isLate = isLate || mints[cask] > 0;
        }
        bool done = _try(ADMIN, abi.encodeCall(nft.restrictTransfersToCustodian, ()));
        restrictedTooLate = restrictedTooLate || (done && isLate);
    }

    function switchPause(uint8 seed) external {
        bytes memory off = abi.encodeCall(nft.unpause, ());
        _try(PAUSER, seed % 8 == 0 ? abi.encodeCall(nft.pause, ()) : off);
    }

    /// @dev Of the true history or, now and then, of another; to any size, forwards or back.
    function anchor(uint64 to, uint8 seed) external {
        to = 1 + to % EVENTS;
        (uint64 from,) = nft.anchoredHead();
        MerkleTree history = seed % 4 == 0 && from > 0 ? _fork : tree;
        bytes32[] memory none;
        bytes32[] memory proof = from > 0 && from < to ? history.consistency(from, to) : none;
        if (!_try(ANCHORER, abi.encodeCall(nft.anchor, (to, history.rootOf(to), proof)))) return;
        if (to <= from || nft.anchoredRoot(to) != tree.rootOf(to)) ++wrongAnchors;
        anchored.push(to);
    }

    function anchors() external view returns (uint256) {
        return anchored.length;
    }

    function holder(uint256 number) external pure returns (address) {
        return _holder(number);
    }

    function _noteMint(uint256 cask) private {
        ++mints[cask];
        if (nft.approvalRequired()) ++unprovenMints;
    }

    function _try(address hand, bytes memory call) private returns (bool ok) {
        vm.prank(hand);
        (ok,) = address(nft).call(call);
    }

    function _ownerOf(uint256 cask) private view returns (bool lives, address owner) {
        try nft.ownerOf(cask) returns (address found) {
            return (true, found);
        } catch {
            return (false, HOLDER);
        }
    }

    function _isAmong(CaskMint[] memory casks, uint256 cask, uint256 count)
        private
        pure
        returns (bool found)
    {
        for (uint256 i = 0; i < count; ++i) {
            found = found || casks[i].tokenId == cask;
        }
    }

    function _cask(uint256 seed) private pure returns (uint256) {
        return seed % CASKS + 1;
    }

    function _holder(uint256 seed) private pure returns (address) {
        return [HOLDER, BUYER, STRANGER][seed % 3];
    }
}

/// @dev What holds after any sequence of acts.
abstract contract Invariants {
    Everybody internal everybody;
    CaskNft internal nft;

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(everybody);
    }

    /// @dev In one function, because forge makes up all sequences anew for each.
    function invariant_AfterAnyActs() external view {
        _anIdIsMintedOnceAndKeepsADigest();
        _tokensAreNeitherLostNorMade();
        vm.assertEq(everybody.lockedMoves(), 0, "moved although locked");
        vm.assertEq(everybody.unprovenMints(), 0, "minted without the proof that was required");
        vm.assertEq(everybody.wrongAnchors(), 0, "anchored another history, or an earlier size");
        _checkLocks();
    }

    /// @dev Once at the end of each sequence.
    function afterInvariant() external view {
        uint256 count = everybody.anchors();
        (uint64 size,) = nft.anchoredHead();
        for (uint256 i = 0; i < count; ++i) {
            uint64 earlier = everybody.anchored(i);
            bytes32 root = everybody.tree().rootOf(earlier);
            vm.assertEq(nft.anchoredRoot(earlier), root, "an anchored root stays");
            if (i + 1 == count) vm.assertEq(size, earlier, "the last one is the head");
        }
    }

    function _checkLocks() internal view virtual;

    function _anIdIsMintedOnceAndKeepsADigest() private view {
        for (uint256 cask = 1; cask <= everybody.CASKS(); ++cask) {
            uint256 mints = everybody.mints(cask);
            vm.assertTrue(mints <= 1, "minted twice");
            vm.assertTrue((nft.digestOf(cask) != 0) == (mints == 1), "a digest from the mint on");
        }
    }

    function _tokensAreNeitherLostNorMade() private view {
        uint256 minted = 0;
        for (uint256 cask = 1; cask <= everybody.CASKS(); ++cask) {
            minted += everybody.mints(cask);
        }
        uint256 held = 0;
        for (uint256 i = 0; i < 3; ++i) {
            held += nft.balanceOf(everybody.holder(i));
        }
        vm.assertEq(held, minted - everybody.burns(), "held by somebody");
    }
}

contract InvariantsTest is Invariants {
    function setUp() public {
        everybody = new Everybody(false);
        nft = everybody.contractUnderTest();
    }

    function _checkLocks() internal view override {
        vm.assertTrue(!everybody.restrictedTooLate(), "restricted although there were tokens");
    }
}

contract CustodialInvariantsTest is Invariants {
    function setUp() public {
        everybody = new Everybody(true);
        nft = everybody.contractUnderTest();
    }

    function _checkLocks() internal view override {
        vm.assertTrue(nft.custodialTransfersOnly(), "for good");
        for (uint256 cask = 1; cask <= everybody.CASKS(); ++cask) {
            try nft.locked(cask) returns (bool isLocked) {
                vm.assertTrue(isLocked, "locked");
            } catch {}
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ApprovalEvent, ApprovalProof} from "../src/ApprovalEvent.sol";
import {CaskMetadata} from "../src/CaskMetadata.sol";
import {CaskMint, CaskNft} from "../src/CaskNft.sol";
import {LedgerAnchors} from "../src/LedgerAnchors.sol";
import {MintRules} from "../src/MintRules.sol";
import {DeployedNft} from "./DeployedNft.sol";
import {HugeTree} from "./MerkleTree.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev The library takes proofs from calldata, which only a call from outside has.
contract Envelopes {
    function envelope(uint256 cask, ApprovalProof calldata proof)
        external
        pure
        returns (bytes memory)
    {
        return ApprovalEvent.envelope(cask, proof);
    }
}

contract MintApprovedTest is DeployedNft {
    uint256 private constant APPROVED = 29_371_569_188_896_773;

    /// @dev An envelope as the event store writes it, from docs/architecture.md.
    string private constant HEAD = '{"salt":"XiEs8tRodSgYYc0WG6W9dg","tenant":"1","aggregateType":"whiskey",'
        '"aggregateId":"29371569188896773","sequence":2,"type":"whiskey.approved",';
    string private constant REST = '"schemaVersion":1,"data":{"by":"29371505060085765"},"metadata":'
        '{"actor":"29371505060085765","actorType":"user","sessionId":"29371569689067525",'
        '"correlationId":"_eoNKuS3tCzSN8XD","causationId":"request:_eoNKuS3tCzSN8XD",'
        '"occurredAt":"2026-11-21T04:48:31.751Z"}}';

    uint64 private constant POSITION = 1234;
    uint64 private constant TENANT_POSITION = 567;
    int64 private constant RECORDED_AT = 1_795_236_511_751;
    uint64 private constant SIZE = 70_000;

    HugeTree private tree;

    function setUp() public {
        tree = _treeWith(string.concat(HEAD, REST));
        _anchor(0, SIZE);
    }

    // The leaf

    function test_TheEnvelopeIsPutTogetherAsItIsStored() public {
        bytes memory envelope = new Envelopes().envelope(APPROVED, _proof());
        vm.assertEq(string(envelope), string.concat(HEAD, REST), "envelope");
    }

    // With a proof

    function test_AMintWithAProof() public {
        ApprovalProof memory proof = _proof();
        vm.recordLogs();
        _mintApproved(APPROVED, proof);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(nft.ownerOf(APPROVED), HOLDER, "holder");
        vm.assertEq(nft.digestOf(APPROVED), DIGEST, "digest");

        vm.assertEq(logs.length, 4, "one log more than a mint");
        vm.assertEq(logs[1].topics[0], CaskNft.CaskMinted.selector, "where a mint has it");
        vm.assertEq(logs[3].topics[0], CaskNft.CaskApprovalProven.selector, "what was proven");
        vm.assertEq(uint256(logs[3].topics[1]), APPROVED, "of which cask");
        (uint64 position, bytes32 leaf) = abi.decode(logs[3].data, (uint64, bytes32));
        vm.assertEq(position, POSITION, "position");
        vm.assertEq(leaf, tree.leafAt(POSITION), "leaf");
    }

    function test_AnOlderAnchorIsAsGoodAsTheLast() public {
        ApprovalProof memory proof = _proof();
        _anchor(SIZE, SIZE + 1000);
        _mintApproved(APPROVED, proof);
        vm.assertEq(nft.ownerOf(APPROVED), HOLDER, "minted against the older one");
    }

    function test_AProofMintsOnce() public {
        ApprovalProof memory proof = _proof();
        _mintApproved(APPROVED, proof);
        _expectAlreadyMinted(APPROVED, DIGEST);
        _mintApproved(APPROVED, proof);
        // The same answer to a proof that is none: it is asked whether the id is used first.
        ApprovalProof memory nonsense;
        _expectAlreadyMinted(APPROVED, DIGEST);
        _mintApproved(APPROVED, nonsense);
    }

    function test_AProofDoesNotHelpWhereAMintIsRefusedAnyway() public {
        ApprovalProof memory proof = _proof();
        vm.expectRevert(abi.encodeWithSelector(CaskMetadata.InvalidTokenId.selector, 0));
        _mintApproved(0, proof);
        _pause();
        _expectPaused();
        _mintApproved(APPROVED, proof);
    }

    // Without a true proof

    function test_TheApprovalOfAnotherCaskProvesNothing() public {
        ApprovalProof memory proof = _proof();
        _expectNotProven(APPROVED + 1);
        _mintApproved(APPROVED + 1, proof);
    }

    /// @dev Every other event of a cask has another type at this place of its text.
    function test_AnotherEventOfTheCaskProvesNothing() public {
        string[3] memory types = ["whiskey.registered", "whiskey.rejected", "nft.mint_requested"];
        for (uint256 i = 0; i < types.length; ++i) {
            _deploy();
            tree = _treeWith(
                string.concat(
                    '{"salt":"XiEs8tRodSgYYc0WG6W9dg","tenant":"1","aggregateType":"whiskey",'
                    '"aggregateId":"29371569188896773","sequence":2,"type":"',
                    types[i],
                    '",',
                    REST
                )
            );
            _anchor(0, SIZE);
            ApprovalProof memory proof = _proof();
            _expectNotProven(APPROVED);
            _mintApproved(APPROVED, proof);
        }
    }

    function test_EveryPartOfTheProofCounts() public {
        for (uint256 part = 0; part < 8; ++part) {
            ApprovalProof memory proof = _proof();
            if (part == 0) proof.salt = ~proof.salt;
            if (part == 1) ++proof.tenant;
            if (part == 2) ++proof.sequence;
            if (part == 3) proof.rest = bytes.concat(proof.rest, " ");
            if (part == 4) ++proof.tenantPosition;
            if (part == 5) ++proof.recordedAt;
            if (part == 6) ++proof.position;
            if (part == 7) proof.path[3] = ~proof.path[3];
            _expectNotProven(APPROVED);
            _mintApproved(APPROVED, proof);
        }
        vm.assertEq(nft.digestOf(APPROVED), 0, "the id is free");
        _mintApproved(APPROVED, _proof());
    }

    function test_ATreeThatWasNotAnchoredProvesNothing() public {
        ApprovalProof memory proof = _proof();
        proof.treeSize = SIZE + 1;
        vm.expectRevert(
            abi.encodeWithSelector(LedgerAnchors.CheckpointNotAnchored.selector, SIZE + 1)
        );
        _mintApproved(APPROVED, proof);
        proof.treeSize = 0;
        vm.expectRevert(abi.encodeWithSelector(LedgerAnchors.CheckpointNotAnchored.selector, 0));
        _mintApproved(APPROVED, proof);
    }

    function testFuzz_NoMintWithoutAnApproval(uint64 cask, ApprovalProof memory proof) public {
        vm.assume(cask != 0);
        proof.treeSize = SIZE;
        _expectNotProven(cask);
        _mintApproved(cask, proof);
    }

    // The switch

    function test_WhereItIsRequiredNothingElseMints() public {
        _require(true);
        vm.assertTrue(nft.approvalRequired(), "switched on");
        _expectMissing(APPROVED);
        _mint(HOLDER, APPROVED, DIGEST);
        CaskMint[] memory batch = new CaskMint[](1);
        batch[0] = CaskMint(HOLDER, APPROVED, DIGEST);
        _expectMissing(APPROVED);
        vm.prank(MINTER);
        nft.mintBatch(batch);

        _mintApproved(APPROVED, _proof());
        _expectAlreadyMinted(APPROVED, DIGEST);
        _mint(HOLDER, APPROVED, DIGEST);
    }

    function test_ItIsSwitchedOffOnlyInSight() public {
        _require(true);
        vm.expectEmit(address(nft));
        emit MintRules.ApprovalRequirementChanged(false);
        _require(false);
        _mint(HOLDER, CASK, DIGEST);
        vm.assertEq(nft.ownerOf(CASK), HOLDER, "minted as before");
    }

    function _require(bool required) private {
        vm.prank(ADMIN);
        nft.setApprovalRequired(required);
    }

    function _mintApproved(uint256 cask, ApprovalProof memory proof) private {
        vm.prank(MINTER);
        nft.mintApproved(HOLDER, cask, DIGEST, proof);
    }

    /// @dev The leaf of the specification, put together apart from the contract.
    function _treeWith(string memory envelope) private returns (HugeTree) {
        bytes memory leaf = abi.encodePacked(
            hex"00",
            hex"6361736b65763100", // caskev1
            hex"00000000", // flags
            uint64(1), // tenant
            TENANT_POSITION,
            RECORDED_AT,
            sha256(bytes(envelope))
        );
        vm.assertEq(leaf.length, 1 + 68, "length of the leaf");
        return new HugeTree(POSITION, sha256(leaf));
    }

    function _proof() private view returns (ApprovalProof memory) {
        return ApprovalProof({
            salt: 0x5e212cf2d46875281861cd161ba5bd76,
            tenant: 1,
            sequence: 2,
            rest: bytes(REST),
            tenantPosition: TENANT_POSITION,
            recordedAt: RECORDED_AT,
            position: POSITION,
            treeSize: SIZE,
            path: tree.inclusion(POSITION, SIZE)
        });
    }

    function _anchor(uint64 from, uint64 to) private {
        bytes32[] memory none = new bytes32[](0);
        bytes32[] memory proof = from == 0 ? none : tree.consistency(from, to);
        bytes32 root = tree.rootOf(to);
        vm.prank(ANCHORER);
        nft.anchor(to, root, proof);
    }

    function _expectNotProven(uint256 cask) private {
        vm.expectRevert(abi.encodeWithSelector(CaskNft.ApprovalNotProven.selector, cask));
    }

    function _expectMissing(uint256 cask) private {
        vm.expectRevert(abi.encodeWithSelector(MintRules.ApprovalProofMissing.selector, cask));
    }
}

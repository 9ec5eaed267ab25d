// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ApprovalProof} from "../src/ApprovalEvent.sol";
import {CaskLocks} from "../src/CaskLocks.sol";
import {CaskMetadata} from "../src/CaskMetadata.sol";
import {CaskMint, CaskNft} from "../src/CaskNft.sol";
import {IERC5192} from "../src/IERC5192.sol";
import {Properties} from "../src/IERC7578.sol";
import {LedgerAnchors} from "../src/LedgerAnchors.sol";
import {MintRules} from "../src/MintRules.sol";
import {DeployedNft} from "./DeployedNft.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev Refuses every token it is asked about, so a mint to it succeeds only if nobody asks.
contract Refuser {
    function onERC721Received(address, address, uint256, bytes calldata)
        external
        pure
        returns (bytes4)
    {
        revert("not wanted");
    }
}

contract CaskNftTest is DeployedNft {
    string private constant DIGEST_URI =
        "ipfs://f0155122044136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    // Constructor

    function test_ConstructorNamesTheCollection() public view {
        vm.assertEq(nft.name(), "CaskChain Cask", "name");
        vm.assertEq(nft.symbol(), "CASK", "symbol");
    }

    function test_ConstructorGrantsOnlyTheAdmin() public {
        CaskNft fresh = new CaskNft("n", "s", ADMIN);
        bytes32 admin = fresh.DEFAULT_ADMIN_ROLE();
        vm.assertTrue(fresh.hasRole(admin, ADMIN), "admin");
        vm.assertTrue(!fresh.hasRole(admin, address(this)), "the deployer gets nothing");
        vm.assertTrue(!fresh.hasRole(fresh.MINTER_ROLE(), ADMIN), "the admin cannot mint by itself");
        vm.assertTrue(!fresh.hasRole(fresh.PAUSER_ROLE(), ADMIN), "nor pause");
        vm.assertTrue(!fresh.hasRole(fresh.METADATA_ROLE(), ADMIN), "nor edit");
        vm.assertTrue(!fresh.hasRole(fresh.CUSTODIAN_ROLE(), ADMIN), "nor burn");
        vm.assertTrue(!fresh.hasRole(fresh.ANCHOR_ROLE(), ADMIN), "nor anchor");
    }

    function test_ConstructorRefusesNoAdmin() public {
        vm.expectRevert(abi.encodeWithSelector(CaskNft.ZeroAdmin.selector));
        new CaskNft("n", "s", address(0));
    }

    // Mint

    function test_Mint() public {
        vm.expectEmit(address(nft));
        emit CaskNft.CaskMinted(CASK, HOLDER, DIGEST);
        vm.expectEmit(address(nft));
        emit IERC5192.Unlocked(CASK);
        _mint(HOLDER, CASK, DIGEST);

        vm.assertEq(nft.ownerOf(CASK), HOLDER, "holder");
        vm.assertEq(nft.balanceOf(HOLDER), 1, "balance");
        vm.assertEq(nft.digestOf(CASK), DIGEST, "digest");
        vm.assertEq(nft.tokenURI(CASK), DIGEST_URI, "address of the metadata");
        vm.assertTrue(!nft.locked(CASK), "not locked");
    }

    /// @dev What a watcher decodes: the order and the exact layout of the three logs.
    function test_MintLogs() public {
        vm.recordLogs();
        _mint(HOLDER, CASK, DIGEST);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 3, "logs");

        vm.assertEq(logs[0].topics[0], keccak256("Transfer(address,address,uint256)"), "Transfer");
        vm.assertEq(uint256(logs[0].topics[1]), 0, "from nobody");
        vm.assertEq(uint256(logs[0].topics[3]), CASK, "Transfer id");

        vm.assertEq(logs[1].topics[0], keccak256("CaskMinted(uint256,address,bytes32)"), "Minted");
        vm.assertEq(logs[1].topics.length, 3, "CaskMinted topics");
        vm.assertEq(uint256(logs[1].topics[1]), CASK, "CaskMinted id");
        vm.assertEq(uint256(logs[1].topics[2]), uint256(uint160(HOLDER)), "CaskMinted holder");
        vm.assertEq(abi.decode(logs[1].data, (bytes32)), DIGEST, "CaskMinted digest");

        vm.assertEq(logs[2].topics[0], keccak256("Unlocked(uint256)"), "Unlocked");
        vm.assertEq(logs[2].topics.length, 1, "Unlocked topics");
    }

    /// @dev The role, the digest, the switches with the pause flag, the holder, the balance. A sixth
    /// slot would cost 2100 gas or more; what a mint costs is measured by anvil.mjs.
    function test_AMintTouchesFiveSlots() public {
        _mint(HOLDER, CASK, DIGEST);
        vm.prank(MINTER);
        vm.record();
        nft.mint(HOLDER, 1, DIGEST);
        (bytes32[] memory reads, bytes32[] memory writes) = vm.accesses(address(nft));
        vm.assertEq(_distinct(reads), 5, "slots read");
        vm.assertEq(_distinct(writes), 3, "slots written");
    }

    function test_SecondMintIsRefused() public {
        _mint(HOLDER, CASK, DIGEST);

        // The same request again, as a retry would send it.
        _expectAlreadyMinted(CASK, DIGEST);
        _mint(HOLDER, CASK, DIGEST);
        // Other content and another holder for the same cask.
        _expectAlreadyMinted(CASK, DIGEST);
        _mint(BUYER, CASK, OTHER_DIGEST);

        vm.assertEq(nft.ownerOf(CASK), HOLDER, "holder unchanged");
        vm.assertEq(nft.digestOf(CASK), DIGEST, "digest unchanged");
    }

    /// @dev Decodes the bytes by hand, as a client outside Solidity has to.
    function test_SecondMintErrorCanBeDecoded() public {
        _mint(HOLDER, CASK, DIGEST);
        vm.prank(MINTER);
        (bool ok, bytes memory reason) =
            address(nft).call(abi.encodeCall(CaskNft.mint, (BUYER, CASK, OTHER_DIGEST)));
        vm.assertTrue(!ok, "must fail");
        vm.assertEq(reason.length, 68, "selector and two words");
        bytes4 selector;
        uint256 tokenId;
        bytes32 digest;
        assembly ("memory-safe") {
            selector := mload(add(reason, 0x20))
            tokenId := mload(add(reason, 0x24))
            digest := mload(add(reason, 0x44))
        }
        vm.assertTrue(selector == bytes4(keccak256("AlreadyMinted(uint256,bytes32)")), "selector");
        vm.assertEq(tokenId, CASK, "id");
        vm.assertEq(digest, DIGEST, "digest of the first mint");
    }

    function test_SecondMintIsRefusedTheSameWayWhilePaused() public {
        _mint(HOLDER, CASK, DIGEST);
        vm.prank(PAUSER);
        nft.pause();
        _expectAlreadyMinted(CASK, DIGEST);
        _mint(HOLDER, CASK, DIGEST);
    }

    function test_BurnedIdIsNeverMintedAgain() public {
        _mint(HOLDER, CASK, DIGEST);
        _redeem(CASK);
        vm.assertEq(nft.digestOf(CASK), DIGEST, "the digest outlives the burn");
        _expectAlreadyMinted(CASK, DIGEST);
        _mint(HOLDER, CASK, OTHER_DIGEST);
    }

    function test_MintRefusesBadArguments() public {
        vm.expectRevert(abi.encodeWithSelector(CaskMetadata.InvalidTokenId.selector, 0));
        _mint(HOLDER, 0, DIGEST);

        uint256 tooBig = uint256(type(uint64).max) + 1;
        vm.expectRevert(abi.encodeWithSelector(CaskMetadata.InvalidTokenId.selector, tooBig));
        _mint(HOLDER, tooBig, DIGEST);

        vm.expectRevert(abi.encodeWithSelector(CaskMetadata.ZeroDigest.selector, CASK));
        _mint(HOLDER, CASK, 0);

        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, address(0))
        );
        _mint(address(0), CASK, DIGEST);
        vm.assertEq(nft.digestOf(CASK), 0, "a refused mint leaves the id free");

        _mint(HOLDER, 1, DIGEST);
        _mint(HOLDER, type(uint64).max, DIGEST);
    }

    function test_MintDoesNotAskTheReceiver() public {
        address refuser = address(new Refuser());
        _mint(refuser, CASK, DIGEST);
        vm.assertEq(nft.ownerOf(CASK), refuser, "a contract cannot refuse a mint");
    }

    function testFuzz_MintNeverChangesADigest(
        uint64 tokenId,
        bytes32 first,
        bytes32 second,
        address to,
        address other
    ) public {
        vm.assume(tokenId != 0 && first != 0 && to != address(0));
        _mint(to, tokenId, first);

        vm.prank(MINTER);
        (bool ok,) = address(nft).call(abi.encodeCall(CaskNft.mint, (other, tokenId, second)));
        vm.assertTrue(!ok, "second mint");
        vm.assertEq(nft.digestOf(tokenId), first, "digest");
        vm.assertEq(nft.ownerOf(tokenId), to, "holder");
    }

    function testFuzz_MintRefusesIdsOver64Bits(uint256 tokenId) public {
        vm.assume(tokenId > type(uint64).max);
        vm.expectRevert(abi.encodeWithSelector(CaskMetadata.InvalidTokenId.selector, tokenId));
        _mint(HOLDER, tokenId, DIGEST);
    }

    /// @dev Any sequence of privileged acts; each may fail, but none may free a used id.
    function testFuzz_NoSequenceFreesAnId(uint8[24] calldata acts, bytes32 seed) public {
        vm.assume(seed != 0);
        _mint(HOLDER, CASK, seed);
        bytes32 expected = seed;
        for (uint256 i = 0; i < acts.length; ++i) {
            (address actor, bytes memory data) = _act(acts[i] % 8, keccak256(abi.encode(seed, i)));
            // forge-lint: disable-next-line(unsafe-typecast)
            bytes4 selector = bytes4(data); // cut off on purpose: the selector is the head
            vm.prank(actor);
            (bool ok,) = address(nft).call(data);
            if (ok && selector == CaskMetadata.setMetadataDigest.selector) {
                expected = keccak256(abi.encode(seed, i));
            }
            vm.assertTrue(!(ok && selector == CaskNft.mint.selector), "a second mint");
            vm.assertEq(nft.digestOf(CASK), expected, "digest");
        }
    }

    function _act(uint8 kind, bytes32 digest) private pure returns (address, bytes memory) {
        if (kind == 0) return (MINTER, abi.encodeCall(CaskNft.mint, (BUYER, CASK, digest)));
        if (kind == 1) {
            return (EDITOR, abi.encodeCall(CaskMetadata.setMetadataDigest, (CASK, digest)));
        }
        if (kind == 2) return (EDITOR, abi.encodeCall(CaskMetadata.setMetadataDigest, (CASK, 0)));
        if (kind == 3) return (CUSTODIAN, abi.encodeCall(CaskLocks.lock, (CASK)));
        if (kind == 4) return (CUSTODIAN, abi.encodeCall(CaskLocks.unlock, (CASK)));
        if (kind == 5) return (CUSTODIAN, abi.encodeCall(CaskNft.redeem, (CASK)));
        if (kind == 6) return (PAUSER, abi.encodeCall(CaskNft.pause, ()));
        return (PAUSER, abi.encodeCall(CaskNft.unpause, ()));
    }

    // Metadata

    function test_TokenUriIsExact() public {
        _mint(HOLDER, 1, bytes32(uint256(0xAB)));
        vm.assertEq(
            nft.tokenURI(1),
            "ipfs://f0155122000000000000000000000000000000000000000000000000000000000000000ab",
            "leading zeros and lowercase"
        );
    }

    function testFuzz_TokenUri(bytes32 digest) public {
        vm.assume(digest != 0);
        _mint(HOLDER, CASK, digest);
        // The cheat code is an independent encoder; its "0x" is cut off.
        bytes memory expected = bytes(vm.toString(digest));
        bytes memory uri = bytes(nft.tokenURI(CASK));
        vm.assertEq(uri.length, 16 + 64, "length");
        for (uint256 i = 0; i < 64; ++i) {
            vm.assertTrue(uri[16 + i] == expected[2 + i], "digit");
        }
    }

    function test_TokenUriOfNoToken() public {
        _expectNonexistent(CASK);
        nft.tokenURI(CASK);

        _mint(HOLDER, CASK, DIGEST);
        _redeem(CASK);
        _expectNonexistent(CASK);
        nft.tokenURI(CASK);
    }

    function test_MetadataUpdate() public {
        _mint(HOLDER, CASK, OTHER_DIGEST);
        vm.expectEmit(address(nft));
        emit CaskMetadata.MetadataDigestChanged(CASK, OTHER_DIGEST, DIGEST);
        vm.recordLogs();
        vm.prank(EDITOR);
        nft.setMetadataDigest(CASK, DIGEST);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs[1].topics[0], keccak256("MetadataUpdate(uint256)"), "ERC-4906");
        vm.assertEq(abi.decode(logs[1].data, (uint256)), CASK, "ERC-4906 id");
        vm.assertEq(nft.tokenURI(CASK), DIGEST_URI, "new address");
    }

    function test_MetadataUpdateNeedsALivingTokenAndADigest() public {
        _expectNonexistent(CASK);
        vm.prank(EDITOR);
        nft.setMetadataDigest(CASK, DIGEST);

        _mint(HOLDER, CASK, DIGEST);
        vm.expectRevert(abi.encodeWithSelector(CaskMetadata.ZeroDigest.selector, CASK));
        vm.prank(EDITOR);
        nft.setMetadataDigest(CASK, 0);

        _redeem(CASK);
        _expectNonexistent(CASK);
        vm.prank(EDITOR);
        nft.setMetadataDigest(CASK, OTHER_DIGEST);
        vm.assertEq(nft.digestOf(CASK), DIGEST, "the last digest is final");
    }

    // Roles

    function test_EveryRoleIsNeeded() public {
        _mint(HOLDER, CASK, DIGEST);
        bytes32 minter = nft.MINTER_ROLE();
        ApprovalProof memory proof;
        _refused(abi.encodeCall(CaskNft.mint, (STRANGER, 1, DIGEST)), minter);
        _refused(abi.encodeCall(CaskNft.mintApproved, (STRANGER, 1, DIGEST, proof)), minter);
        _refused(abi.encodeCall(CaskNft.mintBatch, (new CaskMint[](1))), minter);

        bytes32 editor = nft.METADATA_ROLE();
        Properties memory properties;
        _refused(abi.encodeCall(CaskMetadata.setMetadataDigest, (CASK, DIGEST)), editor);
        _refused(abi.encodeCall(CaskMetadata.setPropertiesOf, (CASK, properties)), editor);

        bytes32 custodian = nft.CUSTODIAN_ROLE();
        _refused(abi.encodeCall(CaskLocks.lock, (CASK)), custodian);
        _refused(abi.encodeCall(CaskLocks.unlock, (CASK)), custodian);
        _refused(abi.encodeCall(CaskNft.redeem, (CASK)), custodian);
        _refused(abi.encodeCall(CaskLocks.transferByCustodian, (HOLDER, BUYER, CASK)), custodian);

        _refused(abi.encodeCall(CaskNft.pause, ()), nft.PAUSER_ROLE());
        _refused(abi.encodeCall(CaskNft.unpause, ()), nft.PAUSER_ROLE());
        bytes32[] memory none;
        _refused(abi.encodeCall(LedgerAnchors.anchor, (1, DIGEST, none)), nft.ANCHOR_ROLE());

        _refused(abi.encodeCall(MintRules.setApprovalRequired, (true)), 0);
        _refused(abi.encodeCall(MintRules.restrictTransfersToCustodian, ()), 0);
        _refused(abi.encodeCall(CaskNft.setDefaultRoyalty, (STRANGER, 1)), 0);
        _refused(abi.encodeCall(CaskNft.deleteDefaultRoyalty, ()), 0);
        _refused(abi.encodeCall(IAccessControl.grantRole, (minter, STRANGER)), 0);
    }

    function test_TheMinterCanOnlyMint() public {
        _mint(HOLDER, CASK, DIGEST);
        _refusedBy(MINTER, abi.encodeCall(CaskNft.redeem, (CASK)), nft.CUSTODIAN_ROLE());
        _refusedBy(MINTER, abi.encodeCall(CaskLocks.lock, (CASK)), nft.CUSTODIAN_ROLE());
        _refusedBy(
            MINTER,
            abi.encodeCall(CaskMetadata.setMetadataDigest, (CASK, DIGEST)),
            nft.METADATA_ROLE()
        );
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721InsufficientApproval.selector, MINTER, CASK)
        );
        vm.prank(MINTER);
        nft.transferFrom(HOLDER, MINTER, CASK);
    }

    function test_ARevokedMinterCannotMint() public {
        bytes32 minter = nft.MINTER_ROLE();
        vm.prank(ADMIN);
        nft.revokeRole(minter, MINTER);
        _refusedBy(MINTER, abi.encodeCall(CaskNft.mint, (HOLDER, CASK, DIGEST)), minter);
    }

    // Pause

    function test_PauseStopsEveryMovement() public {
        _mint(HOLDER, CASK, DIGEST);
        vm.prank(PAUSER);
        nft.pause();
        // The lock still works: it protects.
        vm.prank(CUSTODIAN);
        nft.lock(CASK);

        _expectPaused();
        _mint(HOLDER, 1, DIGEST);
        _expectPaused();
        vm.prank(HOLDER);
        nft.transferFrom(HOLDER, BUYER, CASK);
        _expectPaused();
        vm.prank(CUSTODIAN);
        nft.redeem(CASK);
        vm.assertEq(nft.digestOf(1), 0, "a paused mint leaves the id free");

        vm.prank(PAUSER);
        nft.unpause();
        _mint(HOLDER, 1, DIGEST);
        vm.prank(CUSTODIAN);
        nft.unlock(CASK);
        vm.prank(HOLDER);
        nft.transferFrom(HOLDER, BUYER, CASK);
        vm.assertEq(nft.ownerOf(CASK), BUYER, "moves again");
    }

    // Lock and redemption

    function test_TransferOfAnUnlockedToken() public {
        _mint(HOLDER, CASK, DIGEST);
        vm.prank(HOLDER);
        nft.safeTransferFrom(HOLDER, BUYER, CASK);
        vm.assertEq(nft.ownerOf(CASK), BUYER, "new holder");
        vm.assertEq(nft.digestOf(CASK), DIGEST, "digest");
    }

    function test_LockStopsEveryKindOfTransfer() public {
        _mint(HOLDER, CASK, DIGEST);
        // Given before the lock, so it must not help after it.
        vm.startPrank(HOLDER);
        nft.approve(BUYER, CASK);
        nft.setApprovalForAll(STRANGER, true);
        vm.stopPrank();

        vm.expectEmit(address(nft));
        emit IERC5192.Locked(CASK);
        vm.prank(CUSTODIAN);
        nft.lock(CASK);
        vm.assertTrue(nft.locked(CASK), "locked");

        _expectLocked();
        vm.prank(HOLDER);
        nft.transferFrom(HOLDER, BUYER, CASK);
        _expectLocked();
        vm.prank(BUYER);
        nft.safeTransferFrom(HOLDER, BUYER, CASK);
        _expectLocked();
        vm.prank(STRANGER);
        nft.safeTransferFrom(HOLDER, STRANGER, CASK, "");
        vm.assertEq(nft.ownerOf(CASK), HOLDER, "has not moved");
        vm.assertEq(nft.balanceOf(HOLDER), 1, "balance has not moved");

        vm.expectEmit(address(nft));
        emit IERC5192.Unlocked(CASK);
        vm.prank(CUSTODIAN);
        nft.unlock(CASK);
        vm.prank(BUYER);
        nft.transferFrom(HOLDER, BUYER, CASK);
        vm.assertEq(nft.ownerOf(CASK), BUYER, "moves again");
    }

    function test_LockConcernsOneToken() public {
        _mint(HOLDER, 1, DIGEST);
        _mint(HOLDER, 2, DIGEST);
        vm.prank(CUSTODIAN);
        nft.lock(1);
        vm.prank(HOLDER);
        nft.transferFrom(HOLDER, BUYER, 2);
        vm.assertEq(nft.ownerOf(2), BUYER, "the other moves");
    }

    function test_LockTwiceAndUnlockTwiceAreRefused() public {
        _mint(HOLDER, CASK, DIGEST);
        vm.startPrank(CUSTODIAN);
        vm.expectRevert(abi.encodeWithSelector(CaskLocks.TokenNotLocked.selector, CASK));
        nft.unlock(CASK);
        nft.lock(CASK);
        _expectLocked();
        nft.lock(CASK);
        vm.stopPrank();
    }

    function test_LockOfNoToken() public {
        _expectNonexistent(CASK);
        nft.locked(CASK);
        vm.startPrank(CUSTODIAN);
        _expectNonexistent(CASK);
        nft.lock(CASK);
        _expectNonexistent(CASK);
        nft.unlock(CASK);
        _expectNonexistent(CASK);
        nft.redeem(CASK);
        vm.stopPrank();
    }

    function test_RedeemNeedsALock() public {
        _mint(HOLDER, CASK, DIGEST);
        vm.expectRevert(abi.encodeWithSelector(CaskLocks.TokenNotLocked.selector, CASK));
        vm.prank(CUSTODIAN);
        nft.redeem(CASK);
    }

    function test_RedeemBurns() public {
        _mint(HOLDER, CASK, DIGEST);
        vm.prank(CUSTODIAN);
        nft.lock(CASK);
        vm.expectEmit(address(nft));
        emit CaskNft.CaskRedeemed(CASK, HOLDER, DIGEST);
        vm.prank(CUSTODIAN);
        nft.redeem(CASK);

        vm.assertEq(nft.balanceOf(HOLDER), 0, "balance");
        _expectNonexistent(CASK);
        nft.ownerOf(CASK);
        _expectNonexistent(CASK);
        nft.locked(CASK);
    }

    // Royalty

    function test_Royalty() public {
        vm.expectEmit(address(nft));
        emit CaskNft.DefaultRoyaltyChanged(BUYER, 250);
        vm.prank(ADMIN);
        nft.setDefaultRoyalty(BUYER, 250);
        (address receiver, uint256 amount) = nft.royaltyInfo(CASK, 10_000);
        vm.assertEq(receiver, BUYER, "receiver");
        vm.assertEq(amount, 250, "2.5 percent");

        vm.prank(ADMIN);
        nft.deleteDefaultRoyalty();
        (receiver, amount) = nft.royaltyInfo(CASK, 10_000);
        vm.assertEq(receiver, address(0), "no receiver");
        vm.assertEq(amount, 0, "no royalty");
    }

    // ERC-165

    function test_Interfaces() public view {
        bytes4[8] memory known = [
            bytes4(0x01ffc9a7), // ERC-165
            bytes4(0x80ac58cd), // ERC-721
            bytes4(0x5b5e139f), // ERC-721 metadata
            bytes4(0x2a55205a), // ERC-2981
            bytes4(0x49064906), // ERC-4906
            bytes4(0xb45a3c0e), // ERC-5192
            bytes4(keccak256("getPropertiesOf(uint256)")), // ERC-7578, which has one function
            bytes4(0x7965db0b) // AccessControl
        ];
        for (uint256 i = 0; i < known.length; ++i) {
            vm.assertTrue(nft.supportsInterface(known[i]), "a promised interface");
        }
        vm.assertTrue(!nft.supportsInterface(0xffffffff), "ERC-165 forbids this one");
        vm.assertTrue(!nft.supportsInterface(0x780e9d63), "not enumerable");
    }

    function _distinct(bytes32[] memory slots) private pure returns (uint256 count) {
        for (uint256 i = 0; i < slots.length; ++i) {
            bool seen = false;
            for (uint256 j = 0; j < i; ++j) {
                seen = seen || slots[j] == slots[i];
            }
            if (!seen) ++count;
        }
    }
}

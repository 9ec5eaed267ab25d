// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {CaskLocks} from "../src/CaskLocks.sol";
import {CaskNft} from "../src/CaskNft.sol";
import {IERC5192} from "../src/IERC5192.sol";
import {MintRules} from "../src/MintRules.sol";
import {DeployedNft} from "./DeployedNft.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev A contract whose tenant leaves transfers to the custodian.
contract CustodialTransfersTest is DeployedNft {
    function test_TheAdministratorRestrictsTransfersBeforeTheFirstMint() public {
        vm.expectEmit(address(nft));
        emit MintRules.TransfersRestrictedToCustodian();
        _restrict();
        vm.assertTrue(nft.custodialTransfersOnly(), "for good");
    }

    /// @dev Also not when all of them are burned: the promise was given.
    function test_NotOnceATokenExisted() public {
        _mint(HOLDER, CASK, DIGEST);
        vm.expectRevert(abi.encodeWithSelector(MintRules.TokensExist.selector));
        _restrict();
        _redeem(CASK);
        vm.expectRevert(abi.encodeWithSelector(MintRules.TokensExist.selector));
        _restrict();
        vm.assertTrue(!nft.custodialTransfersOnly(), "as it was");
    }

    function test_ATokenIsMintedLocked() public {
        _restrict();
        vm.recordLogs();
        _mint(HOLDER, CASK, DIGEST);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 3, "as many as any mint");
        vm.assertEq(logs[1].topics[0], CaskNft.CaskMinted.selector, "where any mint has it");
        vm.assertEq(logs[2].topics[0], IERC5192.Locked.selector, "locked");
        vm.assertTrue(nft.locked(CASK), "locked");
    }

    function test_NobodyElseTransfers() public {
        _restrict();
        _mint(HOLDER, CASK, DIGEST);
        vm.startPrank(HOLDER);
        nft.approve(BUYER, CASK);
        nft.setApprovalForAll(CUSTODIAN, true);
        _expectLocked();
        nft.transferFrom(HOLDER, BUYER, CASK);
        vm.stopPrank();
        _expectLocked();
        vm.prank(BUYER);
        nft.safeTransferFrom(HOLDER, BUYER, CASK);
        // Not even the custodian in the way of holders: there is one way, and it is in the logs.
        _expectLocked();
        vm.prank(CUSTODIAN);
        nft.transferFrom(HOLDER, BUYER, CASK);
        bytes memory transfer = abi.encodeCall(nft.transferByCustodian, (HOLDER, BUYER, CASK));
        _refusedBy(HOLDER, transfer, nft.CUSTODIAN_ROLE());
        vm.assertEq(nft.ownerOf(CASK), HOLDER, "has not moved");
    }

    function test_TheCustodianTransfersAndTheTokenStaysLocked() public {
        _restrict();
        _mint(HOLDER, CASK, DIGEST);
        _transferByCustodian(HOLDER, BUYER);
        vm.assertEq(nft.ownerOf(CASK), BUYER, "moved");
        vm.assertTrue(nft.locked(CASK), "still locked");
        _expectLocked();
        vm.prank(BUYER);
        nft.transferFrom(BUYER, HOLDER, CASK);
    }

    /// @dev Sent again after it went through, a transfer must not take the token from who has it.
    function test_ATransferNamesTheHolderItTakesFrom() public {
        _restrict();
        _mint(HOLDER, CASK, DIGEST);
        _transferByCustodian(HOLDER, BUYER);
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721IncorrectOwner.selector, HOLDER, CASK, BUYER)
        );
        _transferByCustodian(HOLDER, STRANGER);
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, address(0))
        );
        _transferByCustodian(BUYER, address(0));
    }

    function test_APauseStopsTheCustodian() public {
        _restrict();
        _mint(HOLDER, CASK, DIGEST);
        _pause();
        _expectPaused();
        _transferByCustodian(HOLDER, BUYER);
    }

    function test_TheLockIsNotForTheCustodianToOpen() public {
        _restrict();
        _mint(HOLDER, CASK, DIGEST);
        vm.startPrank(CUSTODIAN);
        vm.expectRevert(abi.encodeWithSelector(CaskLocks.TransfersRestricted.selector));
        nft.unlock(CASK);
        _expectLocked();
        nft.lock(CASK);
        nft.redeem(CASK);
        vm.stopPrank();
        _expectNonexistent(CASK);
        nft.locked(CASK);
        vm.assertEq(nft.digestOf(CASK), DIGEST, "the digest outlives the burn");
    }

    /// @dev Where holders transfer, the custodian has no hand on a token, locked or not.
    function test_ElsewhereTheCustodianTransfersNothing() public {
        _mint(HOLDER, CASK, DIGEST);
        vm.expectRevert(abi.encodeWithSelector(CaskLocks.TransfersNotRestricted.selector));
        _transferByCustodian(HOLDER, BUYER);
        vm.prank(CUSTODIAN);
        nft.lock(CASK);
        vm.expectRevert(abi.encodeWithSelector(CaskLocks.TransfersNotRestricted.selector));
        _transferByCustodian(HOLDER, BUYER);
    }

    function _restrict() private {
        vm.prank(ADMIN);
        nft.restrictTransfersToCustodian();
    }

    function _transferByCustodian(address from, address to) private {
        vm.prank(CUSTODIAN);
        nft.transferByCustodian(from, to, CASK);
    }
}

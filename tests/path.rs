//! The path: from registration to a minted NFT, as the demonstration walks it.

use std::process::Command;

use crate::world::calm;

#[tokio::test]
async fn the_demonstration_ends_with_a_confirmed_nft_that_the_chain_knows() {
    let calm = calm().await;
    let output = tokio::task::spawn_blocking(|| {
        Command::new(env!("CARGO_BIN_EXE_caskchain"))
            .arg("demo")
            .env("CASKCHAIN_DATA_FOLDER", &calm.server.data_folder)
            .output()
            .unwrap()
    })
    .await
    .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let last = told.lines().last().unwrap();
    assert!(last.starts_with("CONFIRMED: 0x") && last.len() == 11 + 2 + 64, "{told}");
    assert!(told.contains("ownerOf("), "{told}");
}

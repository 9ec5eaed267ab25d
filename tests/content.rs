//! Content by its identifier: the same everywhere, unchanged or not at all, and there before a token
//! points to it.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use commands::outside::content_store::ContentStore;
use commands::outside::objects::{ObjectSettings, Objects};
use commands::unixfs::{Import, Profile};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::world::keepers::{Keepers, Mood};
use crate::world::{Server, World, calm, other_unixfs, run, until};

const LEAF: usize = 256 * 1024;

fn bytes(length: usize) -> Vec<u8> {
    (0..length as u64).map(|n| ((n * 2_654_435_761) >> 24).to_le_bytes()[0]).collect()
}

fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Around every size at which a leaf, a node or a level is added; with small leaves and nodes, up to
/// trees of five levels.
#[tokio::test]
async fn the_same_bytes_have_the_identifier_that_another_implementation_gives() {
    let full = 174 * LEAF;
    let large = [0, 1, LEAF - 1, LEAF, LEAF + 1, 2 * LEAF + 7, full - 1, full, full + 1];
    let small: Vec<usize> = (0..=8 * 81 + 9).collect();
    let profiles = [(Profile::KUBO, &large[..]), (Profile { chunk: 8, links: 3 }, &small[..])];
    for (profile, sizes) in profiles {
        let folder = tempfile::tempdir().unwrap();
        for size in sizes {
            std::fs::write(folder.path().join(size.to_string()), bytes(*size)).unwrap();
        }
        let theirs = other_unixfs::identifiers(profile.chunk, profile.links, folder.path()).await;
        assert_eq!(theirs.len(), sizes.len());
        for size in sizes {
            let mut import = Import::with(profile);
            import.push(&bytes(*size));
            let ours = import.finish().root.to_string();
            assert_eq!(ours, theirs[&size.to_string()], "{size} bytes, {profile:?}");
        }
    }
}

#[tokio::test]
async fn another_implementation_reads_our_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ObjectSettings::Folder(folder.path().to_owned());
    let store = ContentStore::new(Objects::open(&settings, None).unwrap());
    for size in [0, 1, LEAF + 1, 175 * LEAF + 3] {
        let bytes = bytes(size);
        let root = store.put(&bytes[..]).await.unwrap().to_string();
        let theirs = other_unixfs::read(&folder.path().join("blocks"), &root).await;
        assert_eq!(theirs, sha256(&bytes), "{size} bytes");
    }
}

/// Puts a file into a server's store, by the binary; gives its identifier.
async fn added(world: &World, server: &Server, bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let folder = server.data_folder.to_str().unwrap();
    let settings = world.settings(&[("CASKCHAIN_DATA_FOLDER", folder)]);
    let printed = run(&settings, &["ipfs", "add", file.path().to_str().unwrap()], "").await;
    printed.unwrap().trim().to_owned()
}

fn place_of(server: &Server, cid: &str) -> PathBuf {
    server.data_folder.join("objects/blocks").join(cid)
}

async fn asked(server: &Server, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = server.visitor().request(Method::GET, path);
    let add = |request: reqwest::RequestBuilder, (name, value): &(&str, &str)| {
        request.header(*name, *value)
    };
    headers.iter().fold(request, add).send().await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn content_is_served_whole_in_part_and_not_again_to_who_has_it() {
    let calm = calm().await;
    let server = &calm.server;
    let file = bytes(2 * LEAF + 100);
    let cid = added(&calm.world, server, &file).await;
    assert!(cid.starts_with("bafybei"), "{cid}");
    let path = format!("/ipfs/{cid}");
    let tag = format!("\"{cid}\"");

    for place in [&path, &format!("/api/v1{path}")] {
        let answer = asked(server, place, &[]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(header(&answer, "etag"), tag);
        let caching = "public, max-age=31536000, immutable";
        assert_eq!(header(&answer, "cache-control"), caching);
        assert_eq!(header(&answer, "content-length"), file.len().to_string());
        assert_eq!(header(&answer, "accept-ranges"), "bytes");
        assert_eq!(header(&answer, "content-type"), "application/octet-stream");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(&answer, "content-security-policy"), "default-src 'none'; sandbox");
        let saved = format!("attachment; filename=\"{cid}.bin\"");
        assert_eq!(header(&answer, "content-disposition"), saved);
        assert!(answer.bytes().await.unwrap() == file, "{place}");
    }
    let head = server.visitor().request(Method::HEAD, &path).send().await.unwrap();
    assert_eq!((head.status(), header(&head, "etag")), (StatusCode::OK, tag.as_str()));

    let first = LEAF - 5;
    let range = format!("bytes={first}-{}", 2 * LEAF + 4);
    let part = asked(server, &path, &[("Range", &range), ("If-Range", &tag)]).await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    let place = format!("bytes {first}-{}/{}", 2 * LEAF + 4, file.len());
    assert_eq!(header(&part, "content-range"), place);
    assert!(part.bytes().await.unwrap() == file[first..2 * LEAF + 5]);
    let last = asked(server, &path, &[("Range", "bytes=-7")]).await;
    assert!(last.bytes().await.unwrap() == file[file.len() - 7..]);
    let other = asked(server, &path, &[("Range", "bytes=0-1"), ("If-Range", "\"other\"")]).await;
    assert_eq!(other.status(), StatusCode::OK);
    let beyond = asked(server, &path, &[("Range", "bytes=9999999-")]).await;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&beyond, "content-range"), format!("bytes */{}", file.len()));
    let body: Value = beyond.json().await.unwrap();
    assert_eq!(body["error"]["code"], "RANGE_NOT_SATISFIABLE");

    let known = asked(server, &path, &[("If-None-Match", &format!("W/\"x\", {tag}"))]).await;
    assert_eq!((known.status(), header(&known, "etag")), (StatusCode::NOT_MODIFIED, tag.as_str()));
    assert_eq!(known.bytes().await.unwrap().len(), 0);
}

/// With nothing but blocks, a client that believes nobody puts the file together.
#[tokio::test]
async fn blocks_are_served_to_who_checks_them() {
    let calm = calm().await;
    let server = &calm.server;
    let file = bytes(LEAF + 1);
    let cid = added(&calm.world, server, &file).await;
    let folder = tempfile::tempdir().unwrap();
    let mut import = Import::default();
    let leaves = import.push(&file);
    for block in leaves.into_iter().chain(import.finish().blocks) {
        let name = block.cid().to_string();
        let block = asked(server, &format!("/ipfs/{name}?format=raw"), &[]).await;
        assert_eq!(header(&block, "content-type"), "application/vnd.ipld.raw");
        assert_eq!(header(&block, "etag"), format!("\"{name}.raw\""));
        assert_eq!(header(&block, "vary").to_lowercase(), "accept");
        std::fs::write(folder.path().join(name), block.bytes().await.unwrap()).unwrap();
    }
    assert_eq!(other_unixfs::read(folder.path(), &cid).await, sha256(&file));

    let path = format!("/ipfs/{cid}");
    let by_accept = asked(server, &path, &[("Accept", "application/vnd.ipld.raw")]).await;
    assert!(by_accept.bytes().await.unwrap() == std::fs::read(place_of(server, &cid)).unwrap());
    let car = asked(server, &path, &[("Accept", "application/vnd.ipld.car")]).await;
    assert_eq!(car.status(), StatusCode::NOT_ACCEPTABLE);
    let nobody = server.visitor();
    nobody.get(&format!("{path}?format=car")).await.refused(400, "VALIDATION_ERROR");
    nobody.get("/ipfs/nothing?format=raw").await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn content_that_a_browser_would_run_is_only_saved() {
    let calm = calm().await;
    let server = &calm.server;
    let png = b"\x89PNG\r\n\x1a\n";
    let cases: [(&[u8], &str, bool); 4] = [
        (b"<!doctype html><script>alert(1)</script>", "application/octet-stream", true),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "application/octet-stream", true),
        (png, "image/png", false),
        (b"{\"name\":\"Ardcairn\"}", "application/json", false),
    ];
    for (bytes, media_type, is_saved) in cases {
        let cid = added(&calm.world, server, bytes).await;
        let answer = asked(server, &format!("/ipfs/{cid}"), &[("Accept", "text/html")]).await;
        assert_eq!(header(&answer, "content-type"), media_type);
        assert_eq!(!header(&answer, "content-disposition").is_empty(), is_saved, "{media_type}");
        assert_eq!(answer.bytes().await.unwrap(), bytes);
    }
}

fn damage(place: &Path) {
    let mut bytes = std::fs::read(place).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(place, bytes).unwrap();
}

#[tokio::test]
async fn what_was_changed_in_the_store_is_noticed_and_not_served() {
    let world = World::new().await;
    let server = world.server().await;
    let file = bytes(3 * LEAF);
    let cid = added(&world, &server, &file).await;
    let path = format!("/ipfs/{cid}");
    let last_leaf = added(&world, &server, &file[2 * LEAF..]).await;
    damage(&place_of(&server, &last_leaf));
    let broken_off = asked(&server, &path, &[]).await;
    assert_eq!(broken_off.status(), StatusCode::OK);
    broken_off.bytes().await.unwrap_err();
    assert!(server.log_text().contains("content broke off while it was sent"));
    // What is whole is served.
    let part = asked(&server, &path, &[("Range", "bytes=0-99")]).await;
    assert!(part.bytes().await.unwrap() == file[..100]);
    server.visitor().get(&format!("/ipfs/{last_leaf}")).await.refused(500, "INTERNAL_ERROR");
    damage(&place_of(&server, &cid));
    server.visitor().get(&path).await.refused(500, "INTERNAL_ERROR");
    // Stored again, it is whole again.
    added(&world, &server, &file).await;
    assert!(asked(&server, &path, &[]).await.bytes().await.unwrap() == file);
}

#[tokio::test]
async fn a_document_that_the_store_lost_or_changed_comes_from_the_log() {
    let world = World::new().await;
    let server = world.server().await;
    let isla = server.person("Isla").await;
    let (_, nft) = minted(&server, &isla, "L-1").await;
    let cid = nft["metadataCid"].as_str().unwrap();
    let stored = std::fs::read(place_of(&server, cid)).unwrap();
    let served = || async {
        let answer = asked(&server, &format!("/ipfs/{cid}"), &[]).await;
        assert_eq!(header(&answer, "content-type"), "application/json");
        answer.bytes().await.unwrap()
    };
    assert_eq!(served().await, stored);
    damage(&place_of(&server, cid));
    assert_eq!(served().await, stored);
    assert!(server.log_text().contains("given out from the log instead"));
    std::fs::remove_file(place_of(&server, cid)).unwrap();
    assert_eq!(served().await, stored);
}

/// A cask of hers with a token; gives the cask's id and the token.
async fn minted(server: &Server, isla: &crate::world::Person, number: &str) -> (String, Value) {
    let cask = asked_for(server, isla, number).await;
    let nft = isla.until_nft_is(&cask, "CONFIRMED").await;
    (cask, nft)
}

async fn asked_for(server: &Server, isla: &crate::world::Person, number: &str) -> String {
    let keeper = server.administrator().await;
    let cask = isla.cask(number).await;
    keeper.put(&format!("/api/v1/whiskeys/{cask}/approve")).await.expect(200);
    isla.post("/api/v1/nfts/generate", json!({ "whiskeyId": cask })).await.expect(202);
    cask
}

async fn server_with(world: &World, keepers: &Keepers) -> Server {
    let settings = keepers.settings();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.server_with(&settings).await
}

/// Events of the world's tokens, by type.
async fn happened(world: &World) -> Vec<String> {
    let log = world.log().await;
    let types = log.iter().map(|(_, text)| {
        let event: Value = serde_json::from_str(text).unwrap();
        event["type"].as_str().unwrap().to_owned()
    });
    types.filter(|name| name.starts_with("nft.") || name.starts_with("lane.")).collect()
}

#[tokio::test]
async fn a_mint_waits_until_its_metadata_is_kept_everywhere() {
    let world = World::new().await;
    let keepers = Keepers::start(Mood::Broken).await;
    let server = server_with(&world, &keepers).await;
    let isla = server.person("Isla").await;
    let cask = asked_for(&server, &isla, "W-1").await;
    // Three times is one try of the mint: it came again.
    until("kubo is asked again and again", || async { (keepers.requests() > 3).then_some(()) })
        .await;
    assert_eq!(happened(&world).await, ["nft.mint_requested"]);

    keepers.be(Mood::Well);
    let nft = isla.until_nft_is(&cask, "CONFIRMED").await;
    let cid = nft["metadataCid"].as_str().unwrap();
    let stored = std::fs::read(place_of(&server, cid)).unwrap();
    assert_eq!(keepers.added()[cid], stored);
    let origins = ["/dns4/casks.example/tcp/443/https"];
    assert_eq!(keepers.pins(), [json!({ "cid": cid, "name": cask, "origins": origins })]);
    assert!(!server.log_text().contains(crate::world::keepers::TOKEN));
}

#[tokio::test]
async fn a_node_that_comes_to_another_identifier_lets_nothing_be_minted() {
    let world = World::new().await;
    let keepers = Keepers::start(Mood::Stubborn).await;
    let server = server_with(&world, &keepers).await;
    let isla = server.person("Isla").await;
    asked_for(&server, &isla, "S-1").await;
    until("the difference is told", || async {
        server.log_text().contains("what we call").then_some(())
    })
    .await;
    assert_eq!(happened(&world).await, ["nft.mint_requested"]);
}

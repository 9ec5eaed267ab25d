//! Files: what comes is judged by its bytes, kept whole or not at all, shown to whoever may see it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::world::{Answer, Person, World, calm, until};

const WHERE: &[u8] = b"57.49N 3.21W";

/// A picture, left red and right blue.
fn picture(width: u32, height: u32) -> DynamicImage {
    let colour = |x| if x < width / 2 { Rgb([220, 20, 20]) } else { Rgb([20, 20, 220]) };
    RgbImage::from_fn(width, height, |x, _| colour(x)).into()
}

fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A photograph as a camera leaves it: held sideways, and telling where.
pub fn photograph(width: u32, height: u32) -> Vec<u8> {
    let jpeg = written(&picture(width, height), ImageFormat::Jpeg);
    let mut exif =
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    exif.extend(WHERE);
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

fn document(bytes: usize) -> Vec<u8> {
    let mut document = b"%PDF-1.7\n".to_vec();
    document.resize(bytes, b'x');
    document
}

/// What is kept, below the data folder.
pub fn kept(data_folder: &Path) -> BTreeSet<PathBuf> {
    fn below(folder: &Path, all: &mut BTreeSet<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { below(&path, all) } else { all.insert(path).then_some(()).unwrap() }
        }
    }
    let mut all = BTreeSet::new();
    below(&data_folder.join("objects/files"), &mut all);
    all
}

fn of_file(data_folder: &Path, id: &str) -> Vec<PathBuf> {
    let belongs = |path: &PathBuf| path.components().any(|part| part.as_os_str() == id);
    kept(data_folder).into_iter().filter(belongs).collect()
}

/// An answer with its bytes.
struct Bytes {
    status: u16,
    headers: reqwest::header::HeaderMap,
    bytes: Vec<u8>,
}

impl Bytes {
    async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn asks(person: &Person, id: &str, query: &str) -> reqwest::RequestBuilder {
    person.request(Method::GET, &format!("/api/v1/files/{id}{query}"))
}

#[tokio::test]
async fn a_photograph_is_shown_without_what_the_camera_wrote() {
    let server = &calm().await.server;
    let (isla, finlay) = (server.person("Isla").await, server.person("Finlay").await);
    let photograph = photograph(1_200, 600);
    let file = isla.image(photograph.clone()).await;
    let id = file["id"].as_str().unwrap();
    assert_eq!((&file["kind"], &file["name"]), (&json!("JPEG"), &json!("head.jpg")));
    let sizes: Vec<_> = file["renditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), it["width"].as_u64().unwrap()))
        .collect();
    let wanted = [
        ("200x200.jpeg", 100),
        ("200x200.webp", 100),
        ("800x800.jpeg", 400),
        ("800x800.webp", 400),
        ("full.jpeg", 600),
        ("full.webp", 600),
    ];
    assert_eq!(sizes, wanted);

    let shown = Bytes::of(asks(&isla, id, "")).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/jpeg"));
    assert!(!shown.bytes.windows(WHERE.len()).any(|window| window == WHERE));
    assert_eq!(shown.header("x-content-type-options"), "nosniff");
    assert_eq!(shown.header("content-security-policy"), "default-src 'none'; sandbox");
    let small = asks(&isla, id, "?rendition=200x200").header("Accept", "image/webp,*/*;q=0.8");
    let small = Bytes::of(small).await;
    assert_eq!(small.header("content-type"), "image/webp");
    let small = image::load_from_memory(&small.bytes).unwrap();
    // Upright: what was left is on top.
    assert_eq!((small.width(), small.height()), (100, 200));
    assert!(small.to_rgb8().get_pixel(50, 20)[0] > 150);

    // As it came, for its owner alone.
    let original = Bytes::of(asks(&isla, id, "?rendition=original")).await;
    assert_eq!(original.bytes, photograph);
    assert_eq!(original.header("content-disposition"), "attachment; filename*=UTF-8''head.jpg");
    for stranger in [&finlay, &server.visitor()] {
        Answer::of(asks(stranger, id, "")).await.refused(404, "FILE_NOT_FOUND");
        Answer::of(asks(stranger, id, "?rendition=original")).await.refused(404, "FILE_NOT_FOUND");
    }
    let nonsense = Answer::of(asks(&isla, id, "?rendition=7x7")).await;
    nonsense.refused(400, "VALIDATION_ERROR");
}

/// Written by libavif's `avifenc`: green over red on the left, blue on the right.
const AVIF: &[u8] = include_bytes!("../commands/src/outside/avif/plain.avif");

#[tokio::test]
async fn an_avif_is_shown_to_those_who_cannot_read_it() {
    let isla = calm().await.server.person("Isla").await;
    let file = isla.image(AVIF.to_vec()).await;
    assert_eq!(file["kind"], "AVIF");
    let shown = Bytes::of(asks(&isla, file["id"].as_str().unwrap(), "")).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/jpeg"));
    let shown = image::load_from_memory(&shown.bytes).unwrap().to_rgb8();
    assert_eq!(shown.dimensions(), (64, 48));
    assert!(shown.get_pixel(10, 10)[1] > 150 && shown.get_pixel(50, 30)[2] > 150);
}

#[tokio::test]
async fn a_link_opens_one_private_file() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let file = isla.image(photograph(60, 40)).await;
    let other = isla.upload("other.pdf", document(100)).await.expect(201);
    let link = file["link"]["url"].as_str().unwrap();
    let visitor = server.visitor();
    let opened = Bytes::of(visitor.request(Method::GET, link)).await;
    assert_eq!((opened.status, opened.header("cache-control")), (200, "private, no-store"));
    let id = other.data()["id"].as_str().unwrap();
    let (_, token) = link.split_once("?link=").unwrap();
    let elsewhere = Answer::of(asks(&visitor, id, &format!("?link={token}"))).await;
    elsewhere.refused(401, "TOKEN_INVALID");
    let original = visitor.get(&format!("{link}&rendition=original")).await;
    original.refused(404, "FILE_NOT_FOUND");
    let end = token.len() - 1;
    let last = if token.ends_with('A') { "B" } else { "A" };
    let forged =
        format!("/api/v1/files/{}?link={}{last}", file["id"].as_str().unwrap(), &token[..end]);
    visitor.get(&forged).await.refused(401, "TOKEN_INVALID");
}

#[tokio::test]
async fn a_document_is_served_in_parts_and_once() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let document = document(300_000);
    let part = Part::bytes(document.clone()).file_name("certificate.pdf");
    let form = Form::new().text("public", "true").part("file", part).text("name", "Certificate");
    let uploaded = isla.upload_form(form).await.expect(201);
    let id = uploaded.data()["id"].as_str().unwrap();
    assert_eq!(uploaded.header("location"), format!("/api/v1/files/{id}"));
    // Public: nobody need be anybody.
    let visitor = server.visitor();
    let ask = || asks(&visitor, id, "").header("X-Min-Position", uploaded.position());
    let whole = Bytes::of(ask()).await;
    assert_eq!((whole.status, &whole.bytes), (200, &document));
    assert_eq!(whole.header("content-type"), "application/pdf");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let part = Bytes::of(ask().header("Range", "bytes=65530-131079")).await;
    assert_eq!((part.status, part.header("content-range")), (206, "bytes 65530-131079/300000"));
    assert_eq!(part.bytes, document[65_530..131_080]);
    let last = Bytes::of(ask().header("Range", "bytes=-7")).await;
    assert_eq!((last.status, &last.bytes[..]), (206, &document[299_993..]));
    assert_eq!(Bytes::of(ask().header("Range", "bytes=300000-")).await.status, 416);
    let again = Bytes::of(ask().header("If-None-Match", whole.header("etag"))).await;
    assert_eq!((again.status, again.bytes.len()), (304, 0));
    let details = isla.get(&format!("/api/v1/files/{id}/details")).await.expect(200);
    assert_eq!(
        (&details.data()["name"], &details.data()["state"]),
        (&json!("Certificate"), &json!("STORED"))
    );
    let mine = isla.get("/api/v1/files").await.expect(200);
    assert_eq!(mine.data().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_upload_asked_twice_is_one_file() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let upload = async |bytes: Vec<u8>| {
        let form = Form::new().part("file", Part::bytes(bytes).file_name("a.pdf"));
        let request = isla.request(Method::POST, "/api/v1/files/upload").multipart(form);
        Answer::of(request.header("Idempotency-Key", "once")).await
    };
    let first = upload(document(5_000)).await.expect(201);
    let second = upload(document(5_000)).await.expect(201);
    assert_eq!(first.data()["id"], second.data()["id"]);
    upload(document(5_001)).await.refused(409, "IDEMPOTENCY_MISMATCH");
    let mine = isla.get_at("/api/v1/files", first.position()).await;
    assert_eq!(mine.data().as_array().unwrap().len(), 1);
}

/// A header that promises many pixels, with nothing behind it.
fn bomb() -> Vec<u8> {
    let head = b"IHDR\x00\x00\xea\x60\x00\x00\xea\x60\x08\x02\x00\x00\x00";
    let sum = !head.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(sum & 1))
        })
    });
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d", &head[..], &sum.to_be_bytes()].concat()
}

#[tokio::test]
async fn what_is_no_image_or_document_is_refused_and_leaves_nothing() {
    let world = World::new().await;
    let server = world.server().await;
    let isla = server.person("Isla").await;
    let html = b"<html><script>alert(1)</script></html>".to_vec();
    let refused = [
        ("page.jpg", html, 415, "FILE_TYPE_REFUSED"),
        ("empty.pdf", Vec::new(), 415, "FILE_TYPE_REFUSED"),
        ("short.png", b"\x89PNG".to_vec(), 415, "FILE_TYPE_REFUSED"),
        ("bomb.png", bomb(), 400, "IMAGE_UNREADABLE"),
        ("broken.jpg", b"\xff\xd8\xff\xe0 and no more than this".to_vec(), 400, "IMAGE_UNREADABLE"),
        ("large.pdf", document(20 * 1024 * 1024 + 1), 413, "FILE_TOO_LARGE"),
    ];
    for (name, bytes, status, code) in refused {
        isla.upload(name, bytes).await.refused(status, code);
    }
    let forms = [
        Form::new().text("name", "nothing"),
        Form::new().part("file", Part::bytes(document(90))).text("public", "perhaps"),
        Form::new().part("file", Part::bytes(document(90))).text("colour", "red"),
        Form::new().part("file", Part::bytes(document(90))).part("file", Part::bytes(document(9))),
        Form::new().part("file", Part::bytes(document(90))).text("name", "a\u{1}b"),
    ];
    for form in forms {
        isla.upload_form(form).await.refused(400, "VALIDATION_ERROR");
    }
    let no_form = isla.post("/api/v1/files/upload", json!({ "file": "x" })).await;
    no_form.refused(415, "FILE_TYPE_REFUSED");
    broken_off(&isla).await;
    until("nothing is left", || async { kept(&server.data_folder).is_empty().then_some(()) }).await;
    // The largest that is taken.
    isla.upload("large.pdf", document(20 * 1024 * 1024)).await.expect(201);
}

/// Somebody hangs up in the middle of an upload.
async fn broken_off(person: &Person) {
    use tokio::io::AsyncWriteExt;
    let address = person.url.strip_prefix("http://").unwrap();
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/files/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 9000000\r\n\r\n\
         --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n",
        person.token()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&document(6_000_000)).await.unwrap();
    connection.shutdown().await.unwrap();
}

#[tokio::test]
async fn names_and_claims_of_a_client_do_no_harm() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    // What calls itself a JPEG and is a PNG is a PNG; a path in its name leads nowhere.
    let png = written(&picture(40, 40), ImageFormat::Png);
    let part =
        Part::bytes(png).file_name("../../../etc/passwd.jpg").mime_str("image/jpeg").unwrap();
    let uploaded = isla.upload_form(Form::new().part("file", part)).await.expect(201);
    let id = uploaded.data()["id"].as_str().unwrap();
    let file = isla.until_file_is(id, "READY").await;
    assert_eq!((&file["kind"], &file["name"]), (&json!("PNG"), &json!("passwd.jpg")));
    assert_eq!(Bytes::of(asks(&isla, id, "")).await.header("content-type"), "image/png");
    let folder = server.data_folder.join("objects/files");
    assert!(of_file(&server.data_folder, id).iter().all(|path| path.starts_with(&folder)));

    // A picture that is a page as well: shown, it is a picture only.
    let script = b"<script>alert(1)</script>";
    let both = [&written(&picture(40, 40), ImageFormat::Jpeg)[..], script].concat();
    let file = isla.image(both).await;
    let shown = Bytes::of(asks(&isla, file["id"].as_str().unwrap(), "")).await;
    assert!(!shown.bytes.windows(script.len()).any(|window| window == script));

    // Cut off in the middle: nothing of it is shown, and nothing is made of it any more.
    let whole = written(&picture(400, 400), ImageFormat::Png);
    let cut = isla.upload("cut.png", whole[..whole.len() / 2].to_vec()).await.expect(201);
    let id = cut.data()["id"].as_str().unwrap();
    let file = isla.until_file_is(id, "REFUSED").await;
    assert_eq!(file["refused"], "BROKEN");
    Answer::of(asks(&isla, id, "")).await.refused(400, "IMAGE_UNREADABLE");
    let order = json!({ "fileId": id, "width": 10, "format": "png" });
    isla.post("/api/v1/files/process-image", order).await.refused(409, "ILLEGAL_STATE");
}

#[tokio::test]
async fn an_owner_orders_another_size() {
    let server = &calm().await.server;
    let (isla, finlay) = (server.person("Isla").await, server.person("Finlay").await);
    let file = isla.image(photograph(600, 300)).await;
    let id = file["id"].as_str().unwrap();
    let order = |width: Value| json!({ "fileId": id, "width": width, "format": "png" });
    let ordered = isla.post("/api/v1/files/process-image", order(json!(50))).await.expect(202);
    assert_eq!(ordered.data()["rendition"], "50x4096.png");
    isla.until_file_is(id, "READY").await;
    let made = until("it is made", || async {
        let bytes = Bytes::of(asks(&isla, id, "?rendition=50x4096.png")).await;
        (bytes.status == 200).then_some(bytes)
    })
    .await;
    let made = image::load_from_memory(&made.bytes).unwrap();
    assert_eq!((made.width(), made.height()), (50, 100));
    let process = "/api/v1/files/process-image";
    finlay.post(process, order(json!(60))).await.refused(403, "PERMISSION_DENIED");
    isla.post(process, order(json!(0))).await.refused(400, "VALIDATION_ERROR");
    isla.post(process, order(json!(5000))).await.refused(400, "VALIDATION_ERROR");
    let document = isla.upload("a.pdf", document(90)).await.expect(201);
    let of_document = json!({ "fileId": document.data()["id"], "format": "webp" });
    isla.post(process, of_document).await.refused(400, "VALIDATION_ERROR");
    isla.post(process, json!({ "fileId": "1", "format": "webp" }))
        .await
        .refused(404, "FILE_NOT_FOUND");
}

#[tokio::test]
async fn a_cask_has_files_and_they_stay_as_long_as_it_has_them() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let cask = isla.cask("F-1").await;
    let files = format!("/api/v1/whiskeys/{cask}/files");
    let file = isla.image(photograph(60, 40)).await;
    let id = file["id"].as_str().unwrap();
    let document = isla.upload("a.pdf", document(90)).await.expect(201);
    let document = document.data()["id"].as_str().unwrap();
    let attach = |id: &str, role: &str| json!({ "fileId": id, "role": role });

    isla.post(&files, attach(document, "image")).await.refused(400, "VALIDATION_ERROR");
    keeper.post(&files, attach(id, "image")).await.refused(403, "PERMISSION_DENIED");
    isla.post(&files, attach("1", "image")).await.refused(404, "FILE_NOT_FOUND");
    isla.post(&files, attach(id, "image")).await.expect(200);
    let attached = isla.post(&files, attach(document, "document")).await.expect(200);
    let shown = isla.get_at(&format!("/api/v1/whiskeys/{cask}"), attached.position()).await;
    assert_eq!(
        (&shown.data()["images"], &shown.data()["documents"]),
        (&json!([id]), &json!([document]))
    );
    // Whoever may see the cask may see it.
    until("the file is of the cask", || async {
        let seen = Bytes::of(asks(&keeper, id, "")).await;
        (seen.status == 200).then_some(())
    })
    .await;
    // Papers are nobody's business but the owner's and the warehouse's.
    let finlay = server.person("Finlay").await;
    assert_eq!(Bytes::of(asks(&finlay, id, "")).await.status, 200);
    Answer::of(asks(&finlay, document, "")).await.refused(404, "FILE_NOT_FOUND");
    assert_eq!(Bytes::of(asks(&keeper, document, "")).await.status, 200);
    let path = format!("/api/v1/files/{id}");
    isla.delete(&path).await.refused(409, "ILLEGAL_STATE");
    let other = isla.cask("F-2").await;
    let elsewhere =
        isla.post(&format!("/api/v1/whiskeys/{other}/files"), attach(id, "image")).await;
    elsewhere.refused(409, "ILLEGAL_STATE");

    let detached = isla.delete(&format!("{files}/{id}")).await.expect(200);
    let shown = isla.get_at(&format!("/api/v1/whiskeys/{cask}"), detached.position()).await;
    assert_eq!(shown.data()["images"], json!([]));
    assert_eq!(of_file(&server.data_folder, id).len(), 7);
    let deleted = isla.delete(&path).await.expect(200);
    isla.get_at(&format!("{path}/details"), deleted.position())
        .await
        .refused(404, "FILE_NOT_FOUND");
    until("the bytes are gone", || async {
        of_file(&server.data_folder, id).is_empty().then_some(())
    })
    .await;
    isla.delete(&path).await.refused(404, "FILE_NOT_FOUND");
}

#[tokio::test]
async fn with_a_person_their_files_go() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let keeper = server.administrator().await;
    let cask = isla.cask("F-3").await;
    let file = isla.image(photograph(60, 40)).await;
    let id = file["id"].as_str().unwrap();
    let attach = json!({ "fileId": id, "role": "image" });
    isla.post(&format!("/api/v1/whiskeys/{cask}/files"), attach).await.expect(200);
    let me = isla.request(Method::DELETE, "/api/v1/users/me");
    Answer::of(me.json(&json!({ "password": isla.password }))).await.expect(200);
    until("bytes and attachment are gone", || async {
        let cask = keeper.get(&format!("/api/v1/whiskeys/{cask}")).await;
        let left = cask.data()["images"] == json!([]);
        (left && of_file(&server.data_folder, id).is_empty()).then_some(())
    })
    .await;
    keeper.get(&format!("/api/v1/files/{id}/details")).await.refused(404, "FILE_NOT_FOUND");
}

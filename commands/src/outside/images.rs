//! Images: read under limits, turned the right way up, stripped of everything but their pixels, and
//! written anew.

use std::io::Cursor;

use bytes::Bytes;
use domain::file::{Bounds, FileKind, ImageFormat, Rendition, Unreadable};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, Rgb, RgbImage, imageops};

use super::avif;

/// Of all decoded pixels: 50 megapixels.
const PIXELS_ALLOWED: u64 = 50_000_000;
/// No side is longer: WebP cannot say more.
const SIDE_ALLOWED: u32 = 16_383;
/// What decoding may take: 50 megapixels of 16 bits in four channels, and a little.
const MEMORY: u64 = 450 * 1024 * 1024;
const ALLOWED: Allowed = Allowed { pixels: PIXELS_ALLOWED, side: SIDE_ALLOWED, memory: MEMORY };
const JPEG_QUALITY: u8 = 85;
const WEBP_QUALITY: f32 = 80.0;

/// What an image may be.
#[derive(Clone, Copy)]
pub(super) struct Allowed {
    pub pixels: u64,
    pub side: u32,
    /// What decoding may take.
    pub memory: u64,
}

impl Allowed {
    pub fn size(&self, (width, height): (u32, u32)) -> Result<(), Unreadable> {
        let sides = 1..=self.side;
        let pixels = u64::from(width) * u64::from(height);
        let allowed = sides.contains(&width) && sides.contains(&height) && pixels <= self.pixels;
        if allowed { Ok(()) } else { Err(Unreadable::TooManyPixels) }
    }
}

/// A rendition and its bytes.
pub struct Rendered {
    pub rendition: Rendition,
    pub width: u32,
    pub height: u32,
    pub bytes: Vec<u8>,
}

/// Whether the first bytes speak against an image: it is too large, or they cannot be read. They may
/// be too few to tell unless they are the `whole`.
pub fn may_be_shown(kind: FileKind, head: &[u8], whole: bool) -> bool {
    let size = match decoded_by(kind) {
        None => return true,
        Some(By::Avif) => avif::size(head, ALLOWED).ok(),
        Some(By::Library(format)) => {
            ImageReader::with_format(Cursor::new(head), format).into_dimensions().ok()
        }
    };
    size.map_or(!whole, |(width, height)| ALLOWED.size((width, height)).is_ok())
}

/// All renditions of an image, on a thread of their own.
pub async fn render(
    kind: FileKind,
    original: Bytes,
    renditions: Vec<Rendition>,
) -> Result<Vec<Rendered>, Unreadable> {
    let work = move || {
        let image = read(kind, &original)?;
        renditions.into_iter().map(|rendition| rendered(&image, rendition)).collect()
    };
    // A decoder that panics has read something broken.
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Unreadable::Broken))
}

fn read(kind: FileKind, bytes: &[u8]) -> Result<DynamicImage, Unreadable> {
    let format = match decoded_by(kind).ok_or(Unreadable::Broken)? {
        By::Avif => return avif::read(bytes, ALLOWED),
        By::Library(format) => format,
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_ALLOWED);
    limits.max_image_height = Some(SIDE_ALLOWED);
    limits.max_alloc = Some(MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    ALLOWED.size(decoder.dimensions())?;
    let orientation = decoder.orientation().map_err(unreadable)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    image.apply_orientation(orientation);
    // Eight bits a channel, with or without transparency: what all three formats can write.
    Ok(match image.color().has_alpha() {
        true => image.into_rgba8().into(),
        false => image.into_rgb8().into(),
    })
}

fn rendered(image: &DynamicImage, rendition: Rendition) -> Result<Rendered, Unreadable> {
    let fitted = rendition.within.and_then(|bounds| fitted(image, bounds));
    let image = fitted.as_ref().unwrap_or(image);
    let bytes = match rendition.format {
        ImageFormat::Jpeg => jpeg(image)?,
        ImageFormat::Png => png(image)?,
        ImageFormat::Webp => webp(image)?,
    };
    Ok(Rendered { rendition, width: image.width(), height: image.height(), bytes })
}

/// None: it fits already.
fn fitted(image: &DynamicImage, bounds: Bounds) -> Option<DynamicImage> {
    let fits = image.width() <= bounds.width && image.height() <= bounds.height;
    (!fits).then(|| image.thumbnail(bounds.width, bounds.height))
}

fn jpeg(image: &DynamicImage) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    let written = match image {
        DynamicImage::ImageRgba8(_) => on_white(image).write_with_encoder(encoder),
        opaque => opaque.write_with_encoder(encoder),
    };
    written.map_err(unreadable)?;
    Ok(bytes)
}

/// What is transparent is white: JPEG knows no transparency, and black is not what anybody means.
fn on_white(image: &DynamicImage) -> DynamicImage {
    let mut page: DynamicImage =
        RgbImage::from_pixel(image.width(), image.height(), Rgb([255; 3])).into();
    imageops::overlay(&mut page, image, 0, 0);
    page
}

fn png(image: &DynamicImage) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).map_err(unreadable)?;
    Ok(bytes.into_inner())
}

fn webp(image: &DynamicImage) -> Result<Vec<u8>, Unreadable> {
    let (width, height) = (image.width(), image.height());
    let encoder = match image {
        DynamicImage::ImageRgba8(image) => webp::Encoder::from_rgba(image, width, height),
        DynamicImage::ImageRgb8(image) => webp::Encoder::from_rgb(image, width, height),
        _ => return Err(Unreadable::Broken),
    };
    let encoded = encoder.encode_simple(false, WEBP_QUALITY);
    encoded.map(|bytes| bytes.to_vec()).map_err(|_| Unreadable::Broken)
}

fn unreadable(error: ImageError) -> Unreadable {
    match error {
        ImageError::Limits(_) => Unreadable::TooManyPixels,
        _ => Unreadable::Broken,
    }
}

/// Who reads it.
enum By {
    Library(image::ImageFormat),
    Avif,
}

fn decoded_by(kind: FileKind) -> Option<By> {
    match kind {
        FileKind::Jpeg => Some(By::Library(image::ImageFormat::Jpeg)),
        FileKind::Png => Some(By::Library(image::ImageFormat::Png)),
        FileKind::Webp => Some(By::Library(image::ImageFormat::WebP)),
        FileKind::Avif => Some(By::Avif),
        FileKind::Pdf => None,
    }
}

#[cfg(test)]
mod tests {
    use image::{GenericImageView, Rgba, RgbaImage};
    use proptest::prelude::*;

    use super::*;

    fn side(side: u32) -> Option<Bounds> {
        Some(Bounds { width: side, height: side })
    }

    /// Left half red, right half blue.
    fn flag(width: u32, height: u32) -> DynamicImage {
        let colour = |x| if x < width / 2 { Rgb([220, 20, 20]) } else { Rgb([20, 20, 220]) };
        RgbImage::from_fn(width, height, |x, _| colour(x)).into()
    }

    fn now(
        kind: FileKind,
        bytes: Vec<u8>,
        renditions: &[Rendition],
    ) -> Result<Vec<Rendered>, Unreadable> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(render(kind, bytes.into(), renditions.to_vec()))
    }

    /// The same JPEG, with what a camera writes into it: how it was held, and where.
    fn as_a_camera_does(jpeg: &[u8], orientation: u8) -> Vec<u8> {
        let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        exif.extend(b"57.49N 3.21W");
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
    }

    fn shown(rendered: &Rendered) -> DynamicImage {
        image::load_from_memory(&rendered.bytes).unwrap()
    }

    #[test]
    fn an_image_is_upright_and_says_nothing_but_itself() {
        let camera = as_a_camera_does(&jpeg(&flag(80, 40)).unwrap(), 6);
        assert!(camera.windows(6).any(|window| window == b"57.49N"));
        let all = ImageFormat::ALL.map(|format| Rendition { within: None, format });
        for rendered in now(FileKind::Jpeg, camera, &all).unwrap() {
            assert!(!rendered.bytes.windows(4).any(|window| window == b"Exif"));
            assert!(!rendered.bytes.windows(6).any(|window| window == b"57.49N"));
            // Held sideways: what was left is on top.
            assert_eq!((rendered.width, rendered.height), (40, 80));
            let image = shown(&rendered);
            assert!(image.get_pixel(20, 10)[0] > 150 && image.get_pixel(20, 70)[2] > 150);
        }
    }

    #[test]
    fn an_image_is_made_to_fit_and_never_larger() {
        let original = png(&flag(1_000, 500)).unwrap();
        let format = ImageFormat::Webp;
        let renditions =
            [200, 800, 4_000].map(|longest| Rendition { within: side(longest), format });
        let sizes: Vec<_> = now(FileKind::Png, original, &renditions)
            .unwrap()
            .iter()
            .map(|rendered| (shown(rendered).dimensions(), (rendered.width, rendered.height)))
            .collect();
        assert_eq!(sizes, [(200, 100), (800, 400), (1_000, 500)].map(|size| (size, size)));
    }

    #[test]
    fn what_is_transparent_stays_so_or_is_white() {
        let glass: DynamicImage = RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 0])).into();
        let all = ImageFormat::ALL.map(|format| Rendition { within: None, format });
        let seen: Vec<_> = now(FileKind::Png, png(&glass).unwrap(), &all)
            .unwrap()
            .iter()
            .map(|rendered| shown(rendered).get_pixel(4, 4).0)
            .collect();
        assert_eq!(seen[0], [255; 4]);
        assert_eq!((seen[1][3], seen[2][3]), (0, 0));
    }

    /// A header that promises a lot, and little behind it.
    fn bomb(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = png(&flag(2, 2)).unwrap();
        bytes[16..20].copy_from_slice(&width.to_be_bytes());
        bytes[20..24].copy_from_slice(&height.to_be_bytes());
        let mut sum = flate_crc(&bytes[12..29]).to_be_bytes();
        bytes[29..33].swap_with_slice(&mut sum);
        bytes
    }

    /// The checksum of a chunk: without it, nobody would get as far as the size.
    fn flate_crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
                (sum >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(sum & 1))
            })
        })
    }

    #[test]
    fn a_bomb_is_not_unfolded() {
        let rendition = [Rendition { within: side(200), format: ImageFormat::Jpeg }];
        for (width, height) in [(60_000, 60_000), (16_384, 2), (10_000, 5_001)] {
            let bomb = bomb(width, height);
            assert!(!may_be_shown(FileKind::Png, &bomb, true));
            let refused = now(FileKind::Png, bomb, &rendition).err();
            assert_eq!(refused, Some(Unreadable::TooManyPixels));
        }
        // The largest that is allowed is only broken: there is nothing behind the header.
        let refused = now(FileKind::Png, bomb(10_000, 5_000), &rendition).err();
        assert_eq!(refused, Some(Unreadable::Broken));
    }

    #[test]
    fn what_is_cut_off_or_something_else_is_refused() {
        let rendition = [Rendition { within: side(200), format: ImageFormat::Jpeg }];
        let whole = png(&flag(300, 300)).unwrap();
        let cut = whole[..whole.len() / 2].to_vec();
        assert!(may_be_shown(FileKind::Png, &cut, true));
        assert_eq!(now(FileKind::Png, cut, &rendition).err(), Some(Unreadable::Broken));
        let other = jpeg(&flag(30, 30)).unwrap();
        assert!(!may_be_shown(FileKind::Webp, &other, true));
        assert_eq!(now(FileKind::Webp, other, &rendition).err(), Some(Unreadable::Broken));
        assert!(!may_be_shown(FileKind::Jpeg, b"\xff\xd8\xff\xe0 nothing more", true));
        // Too little of it to tell.
        assert!(may_be_shown(FileKind::Jpeg, b"\xff\xd8\xff\xe0", false));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn whatever_is_broken_in_it_an_image_is_shown_or_refused(
            format in prop::sample::select(&ImageFormat::ALL[..]),
            changes in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 1..20),
            keep in 0.2..1.0_f64,
        ) {
            let (kind, mut bytes) = match format {
                ImageFormat::Jpeg => (FileKind::Jpeg, jpeg(&flag(40, 30)).unwrap()),
                ImageFormat::Png => (FileKind::Png, png(&flag(40, 30)).unwrap()),
                ImageFormat::Webp => (FileKind::Webp, webp(&flag(40, 30)).unwrap()),
            };
            bytes.truncate((bytes.len() as f64 * keep) as usize);
            for (at, value) in changes {
                let at = (at * bytes.len() as f64) as usize;
                bytes[at] = value;
            }
            let rendition = [Rendition { within: side(20), format: ImageFormat::Webp }];
            if let Ok(rendered) = now(kind, bytes, &rendition) {
                prop_assert!(rendered[0].width <= 20 && rendered[0].height <= 20);
            }
        }
    }
}

//! AVIF, which the image library does not read without a C library: the container, its pictures, and
//! their colours turned into red, green and blue.
//!
//! Sources: AV1 Image File Format 1.1, MIAF (ISO/IEC 23000-22), colours as ITU-T H.273 numbers them.

use domain::file::Unreadable;
use image::{DynamicImage, GrayImage, Rgb, RgbImage, RgbaImage, imageops};
use re_rav1d::dav1d::pixel::{MatrixCoefficients, YUVRange};
use re_rav1d::dav1d::{Decoder, Picture, PixelLayout, PlanarImageComponent as Component, Settings};
use zenavif_parse::{AvifParser, CleanAperture, ColorInformation, DecodeConfig};

use super::images::Allowed;

/// A picture may be composed of so many.
const TILES_ALLOWED: u32 = 256;
/// What a pixel takes while it is read, roughly: its planes and what is made of them.
const BYTES_PER_PIXEL: u64 = 6;
const DEEP_BYTES_PER_PIXEL: u64 = 10;

/// How wide and high the image says it is.
pub(super) fn size(bytes: &[u8], allowed: Allowed) -> Result<(u32, u32), Unreadable> {
    declared(&parsed(bytes, allowed)?)
}

/// The image, upright, with eight bits a channel.
pub(super) fn read(bytes: &[u8], allowed: Allowed) -> Result<DynamicImage, Unreadable> {
    let avif = parsed(bytes, allowed)?;
    let size = declared(&avif)?;
    allowed.size(size)?;
    let pixels = u64::from(size.0) * u64::from(size.1);
    let per_pixel = match first_picture(&avif)?.bit_depth {
        8 => BYTES_PER_PIXEL,
        _ => DEEP_BYTES_PER_PIXEL,
    };
    if pixels * per_pixel > allowed.memory {
        return Err(Unreadable::TooManyPixels);
    }
    let colours = match avif.grid_config() {
        Some(_) => composed(&avif, size)?,
        None => in_colour(&decoded(&avif.primary_data().map_err(broken)?, pixels)?, &avif)?,
    };
    let transparency = match avif.alpha_data() {
        Some(alpha) => Some(in_grey(&decoded(&alpha.map_err(broken)?, pixels)?)?),
        None => None,
    };
    let image = match transparency {
        Some(alpha) if alpha.dimensions() != colours.dimensions() => Err(Unreadable::Broken),
        Some(alpha) => Ok(see_through(&colours, &alpha, avif.premultiplied_alpha()).into()),
        None => Ok(colours.into()),
    };
    Ok(upright(cut(image?, avif.clean_aperture())?, &avif))
}

fn parsed(bytes: &[u8], allowed: Allowed) -> Result<AvifParser<'_>, Unreadable> {
    let config = DecodeConfig::unlimited()
        .with_peak_memory_limit(allowed.memory)
        .with_max_animation_frames(1_000)
        .with_max_grid_tiles(TILES_ALLOWED);
    AvifParser::from_bytes_with_config(bytes, &config, &zenavif_parse::Unstoppable).map_err(broken)
}

fn first_picture(avif: &AvifParser<'_>) -> Result<zenavif_parse::AV1Metadata, Unreadable> {
    let bytes = match avif.grid_config() {
        Some(_) => avif.tile_data(0),
        None => avif.primary_data(),
    };
    zenavif_parse::AV1Metadata::parse_av1_bitstream(&bytes.map_err(broken)?).map_err(broken)
}

/// Of all tiles together.
fn declared(avif: &AvifParser<'_>) -> Result<(u32, u32), Unreadable> {
    let picture = first_picture(avif)?;
    let (width, height) = (picture.max_frame_width.get(), picture.max_frame_height.get());
    let Some(grid) = avif.grid_config() else {
        return Ok((width, height));
    };
    let whole = |said: u32, tiles: u8, side: u32| match said {
        0 => side.checked_mul(u32::from(tiles)).ok_or(Unreadable::TooManyPixels),
        // Tiles beside the image would be work for nothing.
        said if said.div_ceil(side) == u32::from(tiles) => Ok(said),
        _ => Err(Unreadable::Broken),
    };
    Ok((
        whole(grid.output_width, grid.columns, width)?,
        whole(grid.output_height, grid.rows, height)?,
    ))
}

/// The tiles beside and below each other, cut to the size that was said.
fn composed(avif: &AvifParser<'_>, (width, height): (u32, u32)) -> Result<RgbImage, Unreadable> {
    let grid = avif.grid_config().ok_or(Unreadable::Broken)?;
    let columns = u32::from(grid.columns);
    let tiles = u32::from(grid.rows) * columns;
    if usize::try_from(tiles).ok() != Some(avif.grid_tile_count()) {
        return Err(Unreadable::Broken);
    }
    let mut whole = RgbImage::new(width, height);
    let first = first_picture(avif)?;
    let (wide, high) = (first.max_frame_width.get(), first.max_frame_height.get());
    let pixels = u64::from(wide) * u64::from(high);
    for (index, number) in (0..tiles).enumerate() {
        let tile = decoded(&avif.tile_data(index).map_err(broken)?, pixels)?;
        let tile = in_colour(&tile, avif)?;
        if tile.dimensions() != (wide, high) {
            return Err(Unreadable::Broken);
        }
        let (x, y) = (number % columns * tile.width(), number / columns * tile.height());
        imageops::replace(&mut whole, &tile, x.into(), y.into());
    }
    Ok(whole)
}

/// One picture of AV1, on this thread, and no larger than was said.
fn decoded(bytes: &[u8], pixels: u64) -> Result<Picture, Unreadable> {
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_frame_size_limit(u32::try_from(pixels).unwrap_or(u32::MAX));
    let mut decoder = Decoder::with_settings(&settings).map_err(broken)?;
    match decoder.send_data(bytes.to_vec(), None, None, None) {
        Err(error) if !error.is_again() => return Err(Unreadable::Broken),
        Ok(()) | Err(_) => {}
    }
    decoder.get_picture().map_err(broken)
}

/// What the numbers of a plane say.
#[derive(Clone, Copy)]
enum Says {
    /// How bright it is, from 0 to 1.
    Light,
    /// How much more of a colour there is than light, from -0.5 to 0.5.
    Difference,
}

/// One plane, whatever its depth and range.
struct Plane {
    bytes: re_rav1d::dav1d::Plane,
    stride: usize,
    deep: bool,
    /// The number that says 0, and how far from it the one is that says 1.
    zero: f32,
    span: f32,
}

impl Plane {
    fn of(picture: &Picture, of: Component, says: Says, full: bool) -> Result<Self, Unreadable> {
        let bits = picture.bits_per_component().ok_or(Unreadable::Broken)?.0;
        let most = f32::from((1_u16 << bits) - 1);
        let scale = f32::from(1_u16 << (bits - 8));
        let (zero, span) = match (says, full) {
            (Says::Light, true) => (0.0, most),
            (Says::Light, false) => (16.0 * scale, 219.0 * scale),
            (Says::Difference, true) => (128.0 * scale, most),
            (Says::Difference, false) => (128.0 * scale, 224.0 * scale),
        };
        let (stride, bytes) = (picture.stride(of) as usize, picture.plane(of));
        Ok(Self { bytes, stride, deep: bits > 8, zero, span })
    }

    fn at(&self, x: u32, y: u32) -> f32 {
        let (x, start) = (x as usize, y as usize * self.stride);
        let value = match self.deep {
            false => f32::from(self.bytes[start + x]),
            true => {
                let at = start + 2 * x;
                f32::from(u16::from_ne_bytes([self.bytes[at], self.bytes[at + 1]]))
            }
        };
        (value - self.zero) / self.span
    }
}

/// How much red and blue there is in what is bright.
struct Weights {
    red: f32,
    blue: f32,
}

enum Colours {
    /// The planes are green, blue and red.
    Plain,
    Weighted(Weights),
}

fn colours(picture: &Picture, avif: &AvifParser<'_>) -> Result<Colours, Unreadable> {
    // What the container says counts more than the picture.
    let matrix = match avif.color_info() {
        Some(ColorInformation::Nclx { matrix_coefficients, .. }) => *matrix_coefficients,
        Some(ColorInformation::IccProfile(_)) | None => match picture.matrix_coefficients() {
            MatrixCoefficients::Identity => 0,
            MatrixCoefficients::BT709 => 1,
            MatrixCoefficients::BT470M => 4,
            MatrixCoefficients::BT470BG | MatrixCoefficients::ST170M => 6,
            MatrixCoefficients::ST240M => 7,
            MatrixCoefficients::BT2020NonConstantLuminance => 9,
            MatrixCoefficients::Unspecified => 2,
            // Known to the standard, and written by nobody.
            _ => return Err(Unreadable::Broken),
        },
    };
    let (red, blue) = match matrix {
        0 => return Ok(Colours::Plain),
        1 => (0.2126, 0.0722),
        4 => (0.30, 0.11),
        // Not said: what MIAF takes then.
        2 | 5 | 6 => (0.299, 0.114),
        7 => (0.212, 0.087),
        9 => (0.2627, 0.0593),
        _ => return Err(Unreadable::Broken),
    };
    Ok(Colours::Weighted(Weights { red, blue }))
}

fn in_colour(picture: &Picture, avif: &AvifParser<'_>) -> Result<RgbImage, Unreadable> {
    let full = match avif.color_info() {
        Some(ColorInformation::Nclx { full_range, .. }) => *full_range,
        Some(ColorInformation::IccProfile(_)) | None => picture.color_range() == YUVRange::Full,
    };
    let light = Plane::of(picture, Component::Y, Says::Light, full)?;
    let (width, height) = (picture.width(), picture.height());
    let (across, down) = match picture.pixel_layout() {
        PixelLayout::I400 => {
            return Ok(RgbImage::from_fn(width, height, |x, y| Rgb([part(light.at(x, y)); 3])));
        }
        PixelLayout::I420 => (1, 1),
        PixelLayout::I422 => (1, 0),
        PixelLayout::I444 => (0, 0),
    };
    let colours = colours(picture, avif)?;
    let says = match colours {
        Colours::Plain => Says::Light,
        Colours::Weighted(_) => Says::Difference,
    };
    let blue = Plane::of(picture, Component::U, says, full)?;
    let red = Plane::of(picture, Component::V, says, full)?;
    Ok(RgbImage::from_fn(width, height, |x, y| {
        let light = light.at(x, y);
        let (blue, red) = (blue.at(x >> across, y >> down), red.at(x >> across, y >> down));
        match &colours {
            Colours::Plain => Rgb([part(red), part(light), part(blue)]),
            Colours::Weighted(weights) => {
                let red = light + 2.0 * (1.0 - weights.red) * red;
                let blue = light + 2.0 * (1.0 - weights.blue) * blue;
                let green = (light - weights.red * red - weights.blue * blue)
                    / (1.0 - weights.red - weights.blue);
                Rgb([part(red), part(green), part(blue)])
            }
        }
    }))
}

fn in_grey(picture: &Picture) -> Result<GrayImage, Unreadable> {
    let full = picture.color_range() == YUVRange::Full;
    let plane = Plane::of(picture, Component::Y, Says::Light, full)?;
    let grey = |x, y| image::Luma([part(plane.at(x, y))]);
    Ok(GrayImage::from_fn(picture.width(), picture.height(), grey))
}

fn part(of_one: f32) -> u8 {
    // A cast of floats saturates.
    (of_one * 255.0).round() as u8
}

fn see_through(colours: &RgbImage, alpha: &GrayImage, premultiplied: bool) -> RgbaImage {
    RgbaImage::from_fn(colours.width(), colours.height(), |x, y| {
        let (Rgb(colour), opaque) = (colours.get_pixel(x, y), alpha.get_pixel(x, y)[0]);
        let unmultiplied = |part: u8| match opaque {
            0 => 0,
            opaque => (u32::from(part) * 255 / u32::from(opaque)).min(255) as u8,
        };
        let [red, green, blue] = if premultiplied { colour.map(unmultiplied) } else { *colour };
        image::Rgba([red, green, blue, opaque])
    })
}

/// What lies outside its frame was cut away by its owner and is nobody's business.
fn cut(image: DynamicImage, frame: Option<&CleanAperture>) -> Result<DynamicImage, Unreadable> {
    let Some(frame) = frame else {
        return Ok(image);
    };
    let side = |whole: u32, (size, of): (u32, u32), (offset, per): (i32, u32)| {
        let wanted = f64::from(size) / f64::from(of);
        let start = (f64::from(whole) - wanted) / 2.0 + f64::from(offset) / f64::from(per);
        let fits = wanted >= 1.0 && start >= -0.5 && start + wanted <= f64::from(whole) + 0.5;
        fits.then(|| (start.max(0.0) as u32, wanted as u32)).ok_or(Unreadable::Broken)
    };
    let (width, height) = (image.width(), image.height());
    let horizontal = (frame.horiz_off_n, frame.horiz_off_d);
    let vertical = (frame.vert_off_n, frame.vert_off_d);
    let (x, wide) = side(width, (frame.width_n, frame.width_d), horizontal)?;
    let (y, high) = side(height, (frame.height_n, frame.height_d), vertical)?;
    Ok(image.crop_imm(x, y, wide, high))
}

fn upright(image: DynamicImage, avif: &AvifParser<'_>) -> DynamicImage {
    // Against the clock in the file, with it here.
    let turned = match avif.rotation().map(|rotation| rotation.angle) {
        Some(90) => image.rotate270(),
        Some(180) => image.rotate180(),
        Some(270) => image.rotate90(),
        Some(_) | None => image,
    };
    match avif.mirror().map(|mirror| mirror.axis) {
        Some(0) => turned.flipv(),
        Some(_) => turned.fliph(),
        None => turned,
    }
}

fn broken<E>(_: E) -> Unreadable {
    Unreadable::Broken
}

#[cfg(test)]
mod tests {
    use image::GenericImageView;
    use proptest::prelude::*;

    use super::*;

    const GREEN: [u8; 4] = [20, 200, 20, 255];
    const RED: [u8; 4] = [220, 20, 20, 255];
    const BLUE: [u8; 4] = [20, 20, 220, 255];
    const ALLOWED: Allowed = Allowed { pixels: 50_000_000, side: 16_383, memory: 450 << 20 };

    /// Written by libavif's `avifenc`, of one picture: green and red on the left, blue on the right.
    macro_rules! sample {
        ($name:literal) => {
            include_bytes!(concat!("avif/", $name, ".avif"))
        };
    }

    /// The corners, from left to right and top to bottom.
    fn corners(image: &DynamicImage) -> [[u8; 4]; 4] {
        let (width, height) = image.dimensions();
        let at = |x: u32, y: u32| image.get_pixel(width * x / 10, height * y / 10).0;
        [at(2, 2), at(8, 2), at(2, 8), at(8, 8)]
    }

    fn alike(seen: [[u8; 4]; 4], wanted: [[u8; 4]; 4], name: &str) {
        let close = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= 16;
        let alike = seen.as_flattened().iter().zip(wanted.as_flattened()).all(close);
        assert!(alike, "{name}: {seen:?}");
    }

    #[test]
    fn every_depth_range_and_matrix_shows_the_same_colours() {
        let samples: [(&str, &[u8]); 6] = [
            ("8 bits, 4:2:0", sample!("plain")),
            ("limited range, BT.709, 4:2:2", sample!("limited_422")),
            ("10 bits, limited range, BT.2020, 4:4:4", sample!("deep_444")),
            ("12 bits, 4:2:0", sample!("deeper_420")),
            ("lossless: green, blue and red", sample!("lossless")),
            ("four tiles", sample!("tiles")),
        ];
        for (name, bytes) in samples {
            let image = read(bytes, ALLOWED).unwrap();
            assert_eq!(image.dimensions(), size(bytes, ALLOWED).unwrap());
            alike(corners(&image), [GREEN, BLUE, RED, BLUE], name);
        }
    }

    #[test]
    fn without_colours_it_is_grey() {
        let [green, blue, red, _] = corners(&read(sample!("grey"), ALLOWED).unwrap());
        assert!(green[0] > red[0] && red[0] > blue[0]);
        assert!([green, blue, red].iter().all(|[r, g, b, _]| r == g && g == b));
    }

    #[test]
    fn what_was_transparent_is() {
        for bytes in [&sample!("glass")[..], sample!("glass_premultiplied")] {
            let image = read(bytes, ALLOWED).unwrap();
            let [clear, also_clear, red, blue] = corners(&image);
            assert_eq!((clear[3], also_clear[3]), (0, 0));
            alike([red, blue, red, blue], [RED, BLUE, RED, BLUE], "below");
        }
    }

    #[test]
    fn it_is_turned_and_mirrored_and_what_was_cut_away_is_not_shown() {
        let turned = read(sample!("turned"), ALLOWED).unwrap();
        assert_eq!(turned.dimensions(), (48, 64));
        alike(corners(&turned), [BLUE, BLUE, RED, GREEN], "turned");
        let cropped = read(sample!("cropped"), ALLOWED).unwrap();
        assert_eq!(cropped.dimensions(), (32, 24));
        alike(corners(&cropped), [GREEN; 4], "cropped");
    }

    #[test]
    fn what_is_too_large_is_not_read() {
        let small = |pixels, side, memory| Allowed { pixels, side, memory };
        for allowed in [
            small(64 * 48 - 1, 100, 1 << 20),
            small(10_000, 63, 1 << 20),
            small(10_000, 100, 64 * 48 * BYTES_PER_PIXEL - 1),
        ] {
            let refused = read(sample!("plain"), allowed).err();
            assert_eq!(refused, Some(Unreadable::TooManyPixels));
        }
    }

    /// What the container says of its size is not what limits the decoder.
    #[test]
    fn a_picture_larger_than_it_said_is_not_unfolded() {
        let avif = parsed(sample!("plain"), ALLOWED).unwrap();
        let picture = avif.primary_data().unwrap();
        assert!(decoded(&picture, 64 * 48).is_ok());
        assert!(decoded(&picture, 64 * 48 - 1).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn whatever_is_broken_in_it_it_is_shown_or_refused(
            sample in prop::sample::select(vec![
                &sample!("plain")[..], sample!("deep_444"), sample!("glass"), sample!("tiles"),
                sample!("cropped"),
            ]),
            changes in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 1..8),
            keep in 0.5..1.0_f64,
        ) {
            let mut bytes = sample.to_vec();
            bytes.truncate((bytes.len() as f64 * keep.max(0.6)) as usize);
            for (at, value) in changes {
                let at = (at * bytes.len() as f64) as usize;
                bytes[at] = value;
            }
            // A little more than the largest of them. As in the pool: a decoder that panics has
            // read something broken.
            let allowed = Allowed { pixels: 200 * 130, side: 200, memory: 1 << 20 };
            if let Ok(Ok(image)) = std::panic::catch_unwind(|| read(&bytes, allowed)) {
                prop_assert!(allowed.size(image.dimensions()).is_ok());
            }
        }
    }
}

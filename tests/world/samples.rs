//! Whether two samples could come from one distribution: the two-sample Kolmogorov-Smirnov test.

/// The greatest distance between the shares of both samples that are at most as large as anything.
pub fn greatest_distance(one: &[f64], other: &[f64]) -> f64 {
    let (one, other) = (sorted(one), sorted(other));
    let share = |of: &[f64], up_to: f64| {
        of.partition_point(|value| *value <= up_to) as f64 / of.len() as f64
    };
    let values = one.iter().chain(&other);
    values.map(|at| (share(&one, *at) - share(&other, *at)).abs()).fold(0.0, f64::max)
}

/// How likely a distance at least as great is, if both samples come from one distribution. Good
/// from some dozens of values on.
pub fn chance(distance: f64, one: usize, other: usize) -> f64 {
    let (one, other) = (one as f64, other as f64);
    let root = (one * other / (one + other)).sqrt();
    // Stephens' correction of Kolmogorov's limit.
    let x = (root + 0.12 + 0.11 / root) * distance;
    if x < 0.2 {
        // The series does not converge where there is nothing to tell.
        return 1.0;
    }
    let term = |k: f64| (-2.0 * k * k * x * x).exp();
    let series: f64 =
        (1..=100).map(|k| if k % 2 == 1 { term(f64::from(k)) } else { -term(f64::from(k)) }).sum();
    (2.0 * series).clamp(0.0, 1.0)
}

pub fn median(sample: &[f64]) -> f64 {
    sorted(sample)[sample.len() / 2]
}

fn sorted(sample: &[f64]) -> Vec<f64> {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[test]
fn the_limit_is_kolmogorov_s() {
    // Of the limit distribution, as tables have it: 1.3581 is exceeded in 5 of 100 cases, 1.6276 in 1.
    let many = 1_000_000;
    let root = (f64::from(many) / 2.0).sqrt();
    let many = usize::try_from(many).unwrap();
    assert!((chance(1.3581 / root, many, many) - 0.05).abs() < 1e-3);
    assert!((chance(1.6276 / root, many, many) - 0.01).abs() < 1e-3);
    let low: Vec<f64> = (0..100).map(f64::from).collect();
    let high: Vec<f64> = (30..130).map(f64::from).collect();
    assert!((greatest_distance(&low, &high) - 0.3).abs() < 1e-9);
    assert!(chance(0.3, 100, 100) < 0.001);
    assert!((chance(greatest_distance(&low, &low), 100, 100) - 1.0).abs() < 1e-9);
}

//! Whose weights a state dict holds, by the names and shapes of its tensors.

use crate::tensors::Tensor;

/// The layout of the tensors whose names begin with `prefix`, if it is a known one.
pub(crate) fn layout(prefix: &str, tensors: &[&Tensor]) -> Option<&'static str> {
    let find = |name: &str| {
        tensors
            .iter()
            .find(|tensor| tensor.name.strip_prefix(prefix) == Some(name))
            .map(|tensor| &tensor.shape)
    };
    let any = |start: &str| {
        tensors
            .iter()
            .any(|tensor| tensor.name.strip_prefix(prefix).is_some_and(|name| name.starts_with(start)))
    };
    if find("encoder_A.0.weight").is_some() && find("fc_mu_A.weight").is_some() {
        return Some("v5.5 flat");
    }
    let third = find("encoder_A.encoder.4.weight")?;
    Some(match third.as_slice() {
        [128, 256] => "v5.12 improved",
        _ if any("projection.proj_A.") => "v5.11 dual",
        _ if any("projection.") => "v5.11",
        _ => "v5.5",
    })
}

//! Whose weights a state dict holds, by the names and shapes of its tensors.

use crate::tensors::Tensor;

/// The tensors of a state dict, by their names within it.
pub(crate) trait Named {
    /// The shape of a tensor.
    fn shape(&self, name: &str) -> Option<Vec<u64>>;

    /// Whether there are tensors whose names begin so.
    fn any(&self, start: &str) -> bool;
}

impl Named for [Tensor] {
    fn shape(&self, name: &str) -> Option<Vec<u64>> {
        self.iter().find(|tensor| tensor.name == name).map(|tensor| tensor.shape.clone())
    }

    fn any(&self, start: &str) -> bool {
        self.iter().any(|tensor| tensor.name.starts_with(start))
    }
}

/// The layout of tensors, if it is a known one.
pub(crate) fn layout(tensors: &(impl Named + ?Sized)) -> Option<&'static str> {
    let find = |name: &str| tensors.shape(name);
    let any = |start: &str| tensors.any(start);
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

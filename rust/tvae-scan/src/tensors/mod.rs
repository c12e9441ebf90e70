//! Tensors as a checkpoint describes them: names, shapes and places, never contents.

pub(crate) mod census;
pub(crate) mod layout;
mod piece;
pub(crate) mod places;
pub(crate) mod references;
mod search;
pub(crate) mod storages;

/// One tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Its key path from the top, joined by dots.
    pub name: String,
    /// The torch name of its type, such as `float32`.
    pub dtype: &'static str,
    /// Its extents.
    pub shape: Vec<u64>,
    /// Elements from one index to the next, for each extent.
    pub stride: Vec<i64>,
    /// Where its first element lies in the file; `None` if the file does not hold it.
    pub file_offset: Option<u64>,
    /// Bytes of its elements, each counted once: the product of the shape times the size of an element.
    pub nbytes: u64,
}

impl Tensor {
    /// Number of elements; saturates, as hostile shapes do not fit.
    #[must_use]
    pub fn elements(&self) -> u64 {
        elements(&self.shape)
    }
}

/// The product of a shape; saturates.
#[must_use]
pub fn elements(shape: &[u64]) -> u64 {
    if shape.contains(&0) {
        0
    } else {
        shape.iter().fold(1, |product, &extent| product.saturating_mul(extent))
    }
}

/// The strides of a contiguous tensor.
#[must_use]
pub fn contiguous(shape: &[u64]) -> Vec<i64> {
    let mut stride = vec![0; shape.len()];
    let mut step: i64 = 1;
    for (place, &extent) in stride.iter_mut().zip(shape).rev() {
        *place = step;
        step = step.saturating_mul(i64::try_from(extent.max(1)).unwrap_or(i64::MAX));
    }
    stride
}

/// The elements that a view spans in its storage, from its offset; `None` if an extent is negative or it does not fit a
/// number.
#[must_use]
pub fn span(shape: &[i64], stride: &[i64]) -> Option<u64> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().zip(stride).try_fold(1_u64, |span, (&extent, &step)| {
        let steps = u64::try_from(extent).ok()? - 1;
        span.checked_add(steps.checked_mul(u64::try_from(step).ok()?)?)
    })
}

//! The one error of this crate: where, what was expected, what came, what to do.

/// A value outside its mathematical domain.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The number of digits is not supported.
    #[error("depth {0} is out of range")]
    Depth(u64),
    /// An index names no operation of the space.
    #[error("index {value} at position {position} is outside the space of depth {depth}")]
    Index {
        /// The offending value.
        value: i64,
        /// Where it stands in the flattened input.
        position: usize,
        /// Digits of the space.
        depth: u32,
        /// Number of operations.
        size: u32,
    },
    /// A digit is not balanced ternary.
    #[error("trit {value} at position {position} is not balanced ternary")]
    Trit {
        /// The offending value.
        value: i64,
        /// Where it stands in the flattened input.
        position: usize,
    },
    /// A buffer does not have the length that the other arguments imply.
    #[error("{path} has {got} elements instead of {expected}")]
    Length {
        /// The argument.
        path: &'static str,
        /// Elements needed.
        expected: usize,
        /// Elements given.
        got: usize,
    },
    /// A stratum or level does not exist at this depth.
    #[error("stratum {got} does not exist at depth {depth}")]
    Stratum {
        /// The stratum, written as the caller writes it.
        got: String,
        /// What exists.
        expected: String,
        /// Digits of the space.
        depth: u32,
    },
    /// Shares are negative, not finite, or all zero.
    #[error("shares must be finite, not negative and not all zero")]
    Shares {
        /// The offending share or sum.
        got: f64,
    },
    /// A scalar argument is outside its range.
    #[error("{path} = {got} is out of range")]
    Scalar {
        /// The argument.
        path: &'static str,
        /// The value.
        got: String,
        /// The range.
        expected: &'static str,
    },
    /// A coordinate or radius is NaN or infinite.
    #[error("{path} holds {value} in row {row}")]
    NotFinite {
        /// The argument.
        path: &'static str,
        /// Row of the first such value.
        row: usize,
        /// The value.
        value: f64,
    },
    /// A point lies on or outside the rim of the ball.
    #[error("row {row} of points lies outside the ball: c |x|^2 = {value}")]
    OutsideBall {
        /// Row of the first such point.
        row: usize,
        /// Its `c |x|^2`.
        value: f64,
    },
    /// The batch holds no valid triplet for the strata asked for.
    #[error("the batch holds no valid triplet")]
    NoTriplet {
        /// Distinct operations in the batch.
        distinct: usize,
    },
}

impl Error {
    /// The argument at fault, in the words of the Python interface.
    #[must_use]
    pub fn path(&self) -> &'static str {
        match self {
            Self::Depth(_) => "depth",
            Self::Index { .. } => "index",
            Self::Trit { .. } => "trits",
            Self::Stratum { .. } | Self::Shares { .. } => "strata",
            Self::OutsideBall { .. } => "points",
            Self::NoTriplet { .. } => "ids",
            Self::Length { path, .. } | Self::Scalar { path, .. } | Self::NotFinite { path, .. } => path,
        }
    }

    /// What the argument should have been.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::Depth(_) => "1 to 19".into(),
            Self::Index { size, .. } => format!("0 to {}", size - 1),
            Self::Trit { .. } => "-1, 0 or 1".into(),
            Self::Length { expected, .. } => expected.to_string(),
            Self::Stratum { expected, .. } => expected.clone(),
            Self::Shares { .. } => "shares >= 0 with a positive sum".into(),
            Self::Scalar { expected, .. } => (*expected).into(),
            Self::NotFinite { .. } => "finite numbers".into(),
            Self::OutsideBall { .. } => "c |x|^2 < 1".into(),
            Self::NoTriplet { .. } => {
                "an operation with one neighbour at some level k and another at a level j < k".into()
            }
        }
    }

    /// What it was.
    #[must_use]
    pub fn got(&self) -> String {
        match self {
            Self::Depth(depth) => depth.to_string(),
            Self::Index { value, .. } | Self::Trit { value, .. } => value.to_string(),
            Self::Length { got, .. } => got.to_string(),
            Self::Stratum { got, .. } | Self::Scalar { got, .. } => got.clone(),
            Self::Shares { got } => got.to_string(),
            Self::NotFinite { value, .. } | Self::OutsideBall { value, .. } => value.to_string(),
            Self::NoTriplet { distinct } => format!("{distinct} distinct operations"),
        }
    }

    /// What to do about it, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Depth(_) => Some("3^19 is the last power of three below 2^31"),
            Self::OutsideBall { .. } => Some("project the points, or pass the curvature they were made with"),
            Self::NotFinite { .. } => Some("the model has diverged, or the file is damaged"),
            Self::NoTriplet { .. } => {
                Some("use a larger batch, other strata, or `triplets`, which needs no batch")
            }
            _ => None,
        }
    }
}

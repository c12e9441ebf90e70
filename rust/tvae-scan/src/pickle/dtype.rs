//! Types of tensor elements.

/// Type of an element of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)] // each is the type of the same name in torch
pub enum DType {
    Float64,
    Float32,
    Float16,
    BFloat16,
    Float8E4M3Fn,
    Float8E4M3Fnuz,
    Float8E5M2,
    Float8E5M2Fnuz,
    Float8E8M0Fnu,
    Float4E2M1FnX2,
    Int64,
    Int32,
    Int16,
    Int8,
    UInt64,
    UInt32,
    UInt16,
    UInt8,
    Bool,
    Complex128,
    Complex64,
    Complex32,
    QInt8,
    QUInt8,
    QInt32,
    QUInt4x2,
    QUInt2x4,
}

/// Name in torch, bytes of an element, prefix of the storage class if it has one; in the order of [`DType`].
const TABLE: [(DType, &str, u64, &str); 27] = [
    (DType::Float64, "float64", 8, "Double"),
    (DType::Float32, "float32", 4, "Float"),
    (DType::Float16, "float16", 2, "Half"),
    (DType::BFloat16, "bfloat16", 2, "BFloat16"),
    (DType::Float8E4M3Fn, "float8_e4m3fn", 1, ""),
    (DType::Float8E4M3Fnuz, "float8_e4m3fnuz", 1, ""),
    (DType::Float8E5M2, "float8_e5m2", 1, ""),
    (DType::Float8E5M2Fnuz, "float8_e5m2fnuz", 1, ""),
    (DType::Float8E8M0Fnu, "float8_e8m0fnu", 1, ""),
    (DType::Float4E2M1FnX2, "float4_e2m1fn_x2", 1, ""),
    (DType::Int64, "int64", 8, "Long"),
    (DType::Int32, "int32", 4, "Int"),
    (DType::Int16, "int16", 2, "Short"),
    (DType::Int8, "int8", 1, "Char"),
    (DType::UInt64, "uint64", 8, ""),
    (DType::UInt32, "uint32", 4, ""),
    (DType::UInt16, "uint16", 2, ""),
    (DType::UInt8, "uint8", 1, "Byte"),
    (DType::Bool, "bool", 1, "Bool"),
    (DType::Complex128, "complex128", 16, "ComplexDouble"),
    (DType::Complex64, "complex64", 8, "ComplexFloat"),
    (DType::Complex32, "complex32", 4, ""),
    (DType::QInt8, "qint8", 1, "QInt8"),
    (DType::QUInt8, "quint8", 1, "QUInt8"),
    (DType::QInt32, "qint32", 4, "QInt32"),
    (DType::QUInt4x2, "quint4x2", 1, "QUInt4x2"),
    (DType::QUInt2x4, "quint2x4", 1, "QUInt2x4"),
];

impl DType {
    /// The name in torch, without `torch.`.
    #[must_use]
    pub fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// Bytes of an element.
    #[must_use]
    pub fn itemsize(self) -> u64 {
        TABLE[self as usize].2
    }

    /// Every type.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// The type called `torch.NAME`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The type that a storage class such as `FloatStorage` holds.
    #[must_use]
    pub fn from_storage_class(class: &str) -> Option<Self> {
        let prefix = class.strip_suffix("Storage").filter(|prefix| !prefix.is_empty())?;
        TABLE.iter().find(|row| row.3 == prefix).map(|row| row.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_types() {
        assert!(DType::all().enumerate().all(|(place, dtype)| dtype as usize == place));
    }
}

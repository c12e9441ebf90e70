//! numpy's dtypes, scalars and arrays.

use super::arena::{ArrayData, EMPTY, Node, NumpyTypeData, Run, ScalarData};
use super::calls::Args;
use super::code;
use super::known::Known;
use super::machine::{Halt, Machine};
use super::reader::narrow;
use super::value::{Array, NodeId, NumpyType, Scalar, ScalarValue};

impl Machine<'_> {
    pub fn numpy_form(&mut self, known: Known, args: Args) -> Result<Option<Node>, Halt> {
        match (known, args.ids()) {
            (Known::NumpyType, &[code, ref flags @ ..]) if flags.len() <= 2 => self.numpy_type(code, flags),
            (Known::NumpyScalar, &[dtype, data]) => {
                let (Node::NumpyType(dtype), Node::Bytes(bytes)) =
                    (self.doc.node(dtype), self.doc.node(data))
                else {
                    return Ok(None);
                };
                let data = self.doc.types[dtype as usize];
                if data.itemsize != bytes.len || self.doc.text(data.code).starts_with('O') {
                    return Ok(None);
                }
                self.charge(1)?;
                self.doc.scalars.push(ScalarData { dtype, bytes });
                Ok(Some(Node::Scalar(narrow(self.doc.scalars.len() - 1))))
            }
            (Known::NumpyReconstruct, &[class, shape, code]) => {
                let class = self.known(class).is_some_and(|known| known.0 == Known::NumpyArray);
                let empty = match self.doc.node(shape) {
                    Node::Tuple(run) => {
                        matches!(*self.doc.run(run), [only] if self.doc.node(only) == Node::Int(0))
                    }
                    _ => false,
                };
                let code = match self.doc.node(code) {
                    Node::Bytes(span) | Node::Text(span) => self.doc.bytes(span) == b"b",
                    _ => false,
                };
                if class && empty && code { self.new_array(ArrayData::default()).map(Some) } else { Ok(None) }
            }
            (Known::NumpyFromBuffer, &[buffer, dtype, shape, order]) => {
                let order = self.doc.as_text(order);
                let fortran = match order {
                    Some("C") => false,
                    Some("F") => true,
                    _ => return Ok(None),
                };
                let (Node::Bytes(_) | Node::ByteArray(_)) = self.doc.node(buffer) else { return Ok(None) };
                let data = self.array_data(dtype, shape, fortran, buffer)?;
                data.map(|data| self.new_array(data)).transpose()
            }
            _ => Ok(None),
        }
    }

    fn new_array(&mut self, data: ArrayData) -> Result<Node, Halt> {
        self.charge(3)?;
        self.doc.arrays.push(data);
        Ok(Node::Array(narrow(self.doc.arrays.len() - 1)))
    }

    /// `dtype('f8', False, True)`.
    fn numpy_type(&mut self, code: NodeId, flags: &[NodeId]) -> Result<Option<Node>, Halt> {
        let is_flag = |&id: &NodeId| matches!(self.doc.node(id), Node::Bool(_) | Node::Int(0 | 1));
        let Some(span) = self.text_of(code).filter(|_| flags.iter().all(is_flag)) else { return Ok(None) };
        let Some(itemsize) = itemsize(self.doc.text(span)) else { return Ok(None) };
        let structured = self.doc.text(span).starts_with(['V', 'M', 'm']);
        self.charge(2)?;
        self.doc.types.push(NumpyTypeData { code: span, big_endian: false, itemsize, structured });
        Ok(Some(Node::NumpyType(narrow(self.doc.types.len() - 1))))
    }

    /// `(3, '<', None, None, None, -1, -1, 0)`: byte order, a shape of its own, fields, size, alignment, flags.
    /// Version 4 adds the unit of a time.
    pub fn build_numpy_type(&mut self, at: u32, state: NodeId) -> bool {
        let Node::Tuple(run) = self.doc.node(state) else { return false };
        if !(8..=9).contains(&run.len) {
            return false;
        }
        let item = |at: usize| self.doc.node(self.doc.run(run)[at]);
        let (Node::Int(3 | 4), Node::Text(order), Node::Int(size)) = (item(0), item(1), item(5)) else {
            return false;
        };
        let big_endian = match self.doc.text(order) {
            "<" | "|" | "=" => false,
            ">" => true,
            _ => return false,
        };
        let fields = (2..5).any(|at| item(at) != Node::None);
        let mut data = self.doc.types[at as usize];
        data.big_endian = big_endian;
        data.structured |= fields;
        if let Ok(size @ 1..) = u32::try_from(size) {
            data.itemsize = size;
        }
        self.doc.types[at as usize] = data;
        true
    }

    /// `(1, shape, dtype, fortran, data)`, where the data is a list if the elements are objects.
    pub fn build_array(&mut self, at: u32, state: NodeId) -> Result<bool, Halt> {
        let Node::Tuple(run) = self.doc.node(state) else { return Ok(false) };
        let args = self.args(run);
        let (&[_, shape, dtype, fortran, data] | &[shape, dtype, fortran, data]) = args.ids() else {
            return Ok(false);
        };
        let Node::Bool(fortran) = self.doc.node(fortran) else { return Ok(false) };
        let data = self.array_data(dtype, shape, fortran, data)?;
        if let Some(data) = data {
            self.doc.arrays[at as usize] = data;
        }
        Ok(data.is_some())
    }

    fn array_data(
        &mut self,
        dtype: NodeId,
        shape: NodeId,
        fortran: bool,
        data: NodeId,
    ) -> Result<Option<ArrayData>, Halt> {
        let (Node::NumpyType(dtype), Some(shape)) = (self.doc.node(dtype), self.dimensions(shape)?) else {
            return Ok(None);
        };
        let kind = self.doc.types[dtype as usize];
        let count = self
            .doc
            .sizes(shape)
            .iter()
            .try_fold(1u64, |total, &size| total.checked_mul(u64::try_from(size).ok()?));
        let mut array = ArrayData { dtype: Some(dtype), shape, fortran, ..ArrayData::default() };
        let fits = match self.doc.node(data) {
            Node::Bytes(span) | Node::ByteArray(span) if !self.doc.text(kind.code).starts_with('O') => {
                array.bytes = span;
                count.and_then(|count| count.checked_mul(u64::from(kind.itemsize)))
                    == Some(u64::from(span.len))
            }
            Node::List(list) if self.doc.text(kind.code).starts_with('O') => {
                let len = if list == EMPTY { 0 } else { self.doc.lists[list as usize].len() };
                self.charge(len.div_ceil(4))?;
                array.objects = Run { start: narrow(self.doc.items.len()), len: narrow(len) };
                if list != EMPTY {
                    self.doc.items.extend_from_slice(&self.doc.lists[list as usize]);
                }
                count == Some(len as u64)
            }
            _ => return Ok(None),
        };
        if !fits {
            self.fault(code::VALUE, "an array does not hold as much as its shape says".into());
        }
        Ok(fits.then_some(array))
    }
}

/// Bytes of an element, by numpy's short code for its type; None for what is no such code.
fn itemsize(code: &str) -> Option<u32> {
    let (kind, digits) = (code.chars().next()?, code.get(1..)?);
    let number: u32 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match (kind, number) {
        ('b', 1)
        | ('i' | 'u', 1 | 2 | 4 | 8)
        | ('f', 2 | 4 | 8 | 12 | 16)
        | ('c', 8 | 16 | 24 | 32)
        | ('S' | 'V', _) => Some(number),
        ('U', _) => number.checked_mul(4),
        ('M' | 'm', 8) | ('O', 0 | 8) => Some(8),
        _ => None,
    }
}

impl NumpyType<'_> {
    /// The name as numpy prints it: `float32`, `int64`, `bool`, `str96`.
    #[must_use]
    pub fn name(&self) -> String {
        let bits = u64::from(self.itemsize) * 8;
        match self.code.chars().next() {
            Some('b') => "bool".to_owned(),
            Some('i') => format!("int{bits}"),
            Some('u') => format!("uint{bits}"),
            Some('f') => format!("float{bits}"),
            Some('c') => format!("complex{bits}"),
            Some('U') => format!("str{bits}"),
            Some('S') => format!("bytes{bits}"),
            Some('M') => "datetime64".to_owned(),
            Some('m') => "timedelta64".to_owned(),
            Some('O') => "object".to_owned(),
            _ => format!("void{bits}"),
        }
    }

    /// What the bytes of one element say; None for types that are not decoded.
    #[must_use]
    pub fn decode(&self, bytes: &[u8]) -> Option<ScalarValue> {
        if bytes.len() != self.itemsize as usize || self.structured {
            return None;
        }
        let float = |bytes: &[u8]| match bytes.len() {
            2 => Some(half(u16::try_from(self.bits(bytes)).ok()?)),
            4 => Some(f64::from(f32::from_bits(u32::try_from(self.bits(bytes)).ok()?))),
            8 => Some(f64::from_bits(self.bits(bytes))),
            _ => None,
        };
        Some(match self.code.chars().next()? {
            'b' => ScalarValue::Bool(bytes != [0]),
            'u' => ScalarValue::UInt(self.bits(bytes)),
            'i' => {
                let unused = 64 - 8 * bytes.len();
                ScalarValue::Int((self.bits(bytes) << unused).cast_signed() >> unused)
            }
            'f' => ScalarValue::Float(float(bytes)?),
            'c' => {
                let (re, im) = bytes.split_at(bytes.len() / 2);
                ScalarValue::Complex(float(re)?, float(im)?)
            }
            'S' => ScalarValue::Bytes(
                bytes[..bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)].to_vec(),
            ),
            'U' => {
                let points =
                    bytes.chunks_exact(4).map(|point| char::from_u32(u32::try_from(self.bits(point)).ok()?));
                ScalarValue::Text(points.collect::<Option<String>>()?.trim_end_matches('\0').to_owned())
            }
            _ => return None,
        })
    }

    /// Up to eight bytes as an unsigned number.
    fn bits(&self, bytes: &[u8]) -> u64 {
        let fold = |number: u64, &byte: &u8| (number << 8) | u64::from(byte);
        if self.big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) }
    }
}

impl Scalar<'_> {
    /// What it says; None for types that are not decoded.
    #[must_use]
    pub fn value(&self) -> Option<ScalarValue> {
        self.dtype.decode(self.bytes)
    }
}

impl Array<'_> {
    /// An element, in the order in which they are stored.
    #[must_use]
    pub fn element(&self, at: usize) -> Option<ScalarValue> {
        let dtype = self.dtype?;
        let size = dtype.itemsize as usize;
        let start = at.checked_mul(size)?;
        dtype.decode(self.bytes.get(start..start.checked_add(size)?)?)
    }
}

/// A float of 16 bits: sign, 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from((bits >> 10) & 0x1F), f64::from(bits & 0x3FF));
    match exponent {
        0 => sign * fraction * 2f64.powi(-24),
        31 if fraction > 0.0 => f64::NAN,
        31 => sign * f64::INFINITY,
        _ => sign * (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

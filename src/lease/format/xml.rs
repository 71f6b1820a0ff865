//! XML as a stream of elements with line numbers.
//!
//! Document types, and with them entities of one's own, are refused: a small file cannot grow into
//! a large one. Depth and length of names and values are bounded.

use std::cell::Cell;
use std::io::{BufRead, Read};
use std::rc::Rc;

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::problem::Problem;

/// Elements within elements.
const DEEPEST: usize = 32;

/// Counts the lines of what is read through it.
struct Counted<R> {
    inner: R,
    line: Rc<Cell<usize>>,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let len = {
            let from = self.inner.fill_buf()?;
            let len = from.len().min(into.len());
            into[..len].copy_from_slice(&from[..len]);
            len
        };
        self.consume(len);
        Ok(len)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.inner.fill_buf()
    }
    fn consume(&mut self, len: usize) {
        if let Ok(read) = self.inner.fill_buf() {
            let lines = read[..len].iter().filter(|&&byte| byte == b'\n').count();
            self.line.set(self.line.get() + lines);
        }
        self.inner.consume(len);
    }
}

/// What comes next in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// An element begins.
    Open(Element),
    /// The innermost element ends.
    Close,
    /// Text, without the white space around it.
    Text(String),
}

/// The beginning of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub line: usize,
}

impl Element {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The elements of a file.
pub(super) struct Elements<R: BufRead> {
    source: String,
    reader: Reader<Counted<R>>,
    line: Rc<Cell<usize>>,
    buffer: Vec<u8>,
    depth: usize,
    /// An element without content still has to be closed.
    closes: bool,
}

impl<R: BufRead> Elements<R> {
    pub fn new(source: &str, input: R) -> Self {
        let line = Rc::new(Cell::new(1));
        let mut reader = Reader::from_reader(Counted { inner: input, line: Rc::clone(&line) });
        reader.config_mut().check_end_names = true;
        let source = source.to_owned();
        Self { source, reader, line, buffer: Vec::new(), depth: 0, closes: false }
    }

    /// The line that was read last.
    pub fn line(&self) -> usize {
        self.line.get()
    }

    fn fault(&self, what: impl std::fmt::Display) -> Problem {
        let place = format!("{}:{}", self.source, self.line());
        Problem::new("GLN-141", place, what.to_string(), "Mend the XML at this line")
    }

    /// The next part; none at the end of the file.
    ///
    /// # Errors
    ///
    /// What is not well-formed, or uses an entity, cannot be read any further.
    pub fn next(&mut self) -> Result<Option<Part>, Problem> {
        if std::mem::take(&mut self.closes) {
            return Ok(Some(Part::Close));
        }
        loop {
            self.buffer.clear();
            let event = self.reader.read_event_into(&mut self.buffer);
            let event = match event {
                Ok(event) => event.into_owned(),
                Err(cause) => return Err(self.fault(format!("not well-formed XML ({cause})"))),
            };
            match event {
                Event::Start(start) => {
                    self.depth += 1;
                    if self.depth > DEEPEST {
                        return Err(self.fault(format!("more than {DEEPEST} elements deep")));
                    }
                    return self.element(&start).map(|element| Some(Part::Open(element)));
                }
                Event::Empty(start) => {
                    self.closes = true;
                    return self.element(&start).map(|element| Some(Part::Open(element)));
                }
                Event::End(_) => {
                    self.depth -= 1;
                    return Ok(Some(Part::Close));
                }
                Event::Text(text) => {
                    let text = text.decode().map_err(|cause| self.fault(cause))?;
                    if !text.trim().is_empty() {
                        return Ok(Some(Part::Text(text.trim().to_owned())));
                    }
                }
                Event::CData(text) => {
                    let text = text.decode().map_err(|cause| self.fault(cause))?;
                    return Ok(Some(Part::Text(text.into_owned())));
                }
                Event::GeneralRef(name) => return self.reference(&name).map(Some),
                Event::DocType(_) => {
                    return Err(self.fault("a document type, which is never needed here"));
                }
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof if self.depth > 0 => {
                    return Err(self.fault("the file ends within an element"));
                }
                Event::Eof => return Ok(None),
            }
        }
    }

    /// The text of one of the five entities of the standard, or of a character by number.
    fn reference(&self, name: &quick_xml::events::BytesRef<'_>) -> Result<Part, Problem> {
        if let Ok(Some(character)) = name.resolve_char_ref() {
            return Ok(Part::Text(character.to_string()));
        }
        let word = name.decode().map_err(|cause| self.fault(cause))?;
        match resolve_predefined_entity(&word) {
            Some(text) => Ok(Part::Text(text.to_owned())),
            None => Err(self.fault(format!("the entity `&{word};`, which is not expanded"))),
        }
    }

    fn element(&self, start: &BytesStart<'_>) -> Result<Element, Problem> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec());
        let name = text(start.local_name().as_ref()).map_err(|cause| self.fault(cause))?;
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|cause| self.fault(cause))?;
            let key = text(attribute.key.as_ref()).map_err(|cause| self.fault(cause))?;
            let value = attribute.unescape_value().map_err(|cause| self.fault(cause))?;
            attributes.push((key, value.into_owned()));
        }
        Ok(Element { name, attributes, line: self.line() })
    }
}

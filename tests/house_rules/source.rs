//! Just enough of a Rust reader for the house rules: tokens with their lines, and what a file
//! imports.

/// A piece of Rust source: a word, `::`, or one other character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its text.
    pub text: String,
    /// Its line, counted from 1.
    pub line: usize,
}

/// `text` with comments, strings and character literals blanked out; line feeds stay.
pub fn without_text(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => line_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => comment_end(&chars, at),
            '"' => string_end(&chars, at + 1),
            'r' if starts_raw_string(&chars, at) => raw_string_end(&chars, at + 1),
            '\'' => char_end(&chars, at),
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

fn line_end(chars: &[char], from: usize) -> usize {
    chars[from..].iter().position(|&c| c == '\n').map_or(chars.len(), |n| from + n)
}

fn comment_end(chars: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn starts_raw_string(chars: &[char], at: usize) -> bool {
    let in_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    let in_word = in_word && chars[at - 1] != 'b';
    let hashes = chars[at + 1..].iter().take_while(|&&c| c == '#').count();
    !in_word && chars.get(at + 1 + hashes) == Some(&'"')
}

fn raw_string_end(chars: &[char], from: usize) -> usize {
    let hashes = chars[from..].iter().take_while(|&&c| c == '#').count();
    let mut at = from + hashes + 1;
    while at < chars.len() {
        let closed = chars[at] == '"'
            && chars.len() > at + hashes
            && chars[at + 1..=at + hashes].iter().all(|&c| c == '#');
        if closed {
            return at + 1 + hashes;
        }
        at += 1;
    }
    chars.len()
}

/// The end of a character literal, or `at` where the quote begins a lifetime.
fn char_end(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            let close = chars[at + 3..].iter().position(|&c| c == '\'');
            close.map_or(chars.len(), |n| at + 4 + n)
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at,
    }
}

/// The tokens of `text`.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (number, line) in without_text(text).lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let length = match word {
                0 if rest.starts_with("::") => 2,
                0 => first.len_utf8(),
                _ => word,
            };
            tokens.push(Token { text: rest[..length].to_owned(), line: number + 1 });
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// `tokens` without the items that exist only in tests.
pub fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let marked = tokens[at..].iter().zip(MARK).filter(|(t, m)| t.text == *m).count();
        if marked == MARK.len() {
            at = item_end(tokens, at + MARK.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The index behind the item that begins at `from`: after its block, or its semicolon.
pub fn item_end(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0;
    for (offset, token) in tokens[from..].iter().enumerate() {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return from + offset + 1;
                }
            }
            ";" if depth == 0 => return from + offset + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// What a file takes from other modules of its crate: names with the lines that name them.
///
/// `root` is a word that stands for the crate, such as `crate`. A group is opened:
/// `use crate::{a::b, c}` takes `a` and `c`.
pub fn taken(tokens: &[Token], root: &[&str]) -> Vec<(String, usize)> {
    let mut taken = Vec::new();
    for at in 0..tokens.len() {
        let here = tokens[at..].iter().zip(root).filter(|(t, r)| t.text == **r).count();
        let inner = at > 0 && tokens[at - 1].text == "::";
        if here != root.len() || inner {
            continue;
        }
        let behind = at + root.len();
        if tokens.get(behind).is_none_or(|t| t.text != "::") {
            continue;
        }
        let Some(next) = tokens.get(behind + 1) else { continue };
        if next.text == "{" {
            group(tokens, behind + 2, &mut taken);
        } else {
            taken.push((next.text.clone(), next.line));
        }
    }
    taken
}

/// The first word of each member of the group whose brace stands before `from`.
fn group(tokens: &[Token], from: usize, taken: &mut Vec<(String, usize)>) {
    let (mut depth, mut first) = (1, true);
    for token in &tokens[from..] {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => {
                first = true;
                continue;
            }
            word if first && depth == 1 => taken.push((word.to_owned(), token.line)),
            _ => {}
        }
        first = false;
        if depth == 0 {
            return;
        }
    }
}

/// Name, first line and number of lines of every function.
pub fn functions(tokens: &[Token]) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let named = tokens
            .get(at + 1)
            .filter(|name| name.text.starts_with(|c: char| c.is_alphabetic() || c == '_'));
        let (true, Some(name)) = (tokens[at].text == "fn", named) else { continue };
        let last = &tokens[item_end(tokens, at).min(tokens.len()) - 1];
        found.push((name.text.clone(), tokens[at].line, last.line + 1 - tokens[at].line));
    }
    found
}

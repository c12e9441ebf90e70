//! The names that Python 3 gives to modules of Python 2 when it reads protocols below 3.

/// Whole modules.
const MODULES: &[(&str, &str)] = &[
    ("__builtin__", "builtins"),
    ("BaseHTTPServer", "http.server"),
    ("CGIHTTPServer", "http.server"),
    ("ConfigParser", "configparser"),
    ("Queue", "queue"),
    ("SimpleHTTPServer", "http.server"),
    ("SocketServer", "socketserver"),
    ("StringIO", "io"),
    ("UserDict", "collections"),
    ("UserList", "collections"),
    ("UserString", "collections"),
    ("_winreg", "winreg"),
    ("cPickle", "pickle"),
    ("cStringIO", "io"),
    ("commands", "subprocess"),
    ("copy_reg", "copyreg"),
    ("httplib", "http.client"),
    ("repr", "reprlib"),
    ("test.test_support", "test.support"),
    ("thread", "_thread"),
    ("tkFileDialog", "tkinter.filedialog"),
    ("urllib", "urllib.request"),
    ("urllib2", "urllib.request"),
    ("urlparse", "urllib.parse"),
    ("xmlrpclib", "xmlrpc.client"),
];

/// A module and a name in it.
type Name = (&'static str, &'static str);

/// Single names, looked up before the modules.
const NAMES: &[(Name, Name)] = &[
    (("__builtin__", "intern"), ("sys", "intern")),
    (("__builtin__", "long"), ("builtins", "int")),
    (("__builtin__", "reduce"), ("functools", "reduce")),
    (("__builtin__", "unichr"), ("builtins", "chr")),
    (("__builtin__", "unicode"), ("builtins", "str")),
    (("__builtin__", "xrange"), ("builtins", "range")),
    (("itertools", "ifilter"), ("builtins", "filter")),
    (("itertools", "imap"), ("builtins", "map")),
    (("itertools", "izip"), ("builtins", "zip")),
];

/// What `module.name` of a stream below protocol 3 means today. A name that is not in the tables keeps its
/// spelling, which is on no allow-list either.
pub(super) fn modern<'n>(module: &'n str, name: &'n str) -> (&'n str, &'n str) {
    if let Some(row) = NAMES.iter().find(|row| row.0 == (module, name)) {
        return row.1;
    }
    (MODULES.iter().find(|row| row.0 == module).map_or(module, |row| row.1), name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::known;

    #[test]
    fn no_known_word_is_an_old_module() {
        let mut old = NAMES.iter().map(|row| row.0.0).chain(MODULES.iter().map(|row| row.0));
        assert!(old.all(|module| known(module.as_bytes()).is_none()));
    }
}

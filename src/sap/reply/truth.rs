//! What is true and what is false in SAP's interfaces.

use super::json::Node;

/// The forms of true and false: JSON's own, the texts of OData v2 (`Edm.Boolean`), and ABAP's, whose
/// `abap_bool` is a CHAR field of `X` or a blank and whose XML schema type has 1 and 0. SAP's null is
/// no value, and so not true.
pub(super) fn truth_of(node: &Node<'_>) -> Option<bool> {
    match node {
        Node::Bool(truth) => Some(*truth),
        Node::Null => Some(false),
        Node::Number(number) => match number.as_u64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Node::Text(text) => match text.trim_end_matches(' ').to_ascii_lowercase().as_str() {
            "true" | "x" | "1" => Some(true),
            "false" | "" | "0" => Some(false),
            _ => None,
        },
        Node::List(_) | Node::Object(_) => None,
    }
}

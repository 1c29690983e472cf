//! `pathkeeper agent`: the app as a service on a real node.

//! What people say of findings, of what they work on, and of ports.

use crate::ErrorBody;
use crate::mutes::{MuteBody, MuteChanged, Mutes};
use crate::names::{Names, NamesBody, NamesChanged};
use crate::windows::{WindowBody, WindowChanged, Windows};

answer!(MutesAnswer, Mutes, "Mutes in Proxmox's envelope.");
answer!(MuteAnswer, MuteChanged, "A mute that was given or taken away, in Proxmox's envelope.");
answer!(WindowsAnswer, Windows, "Windows in Proxmox's envelope.");
answer!(WindowAnswer, WindowChanged, "A window that was given, ended or taken away, in Proxmox's envelope.");
answer!(NamesAnswer, Names, "Names in Proxmox's envelope.");
answer!(NamesChangedAnswer, NamesChanged, "A change of names, in Proxmox's envelope.");

/// Findings that people muted: they stay shown, and do not count.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/mutes", tag = "cluster",
    responses(
        (status = 200, description = "The mutes", body = MutesAnswer),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    ))]
pub(super) async fn mutes() {}

/// Mutes findings of a code, with what is given of the scope, until a moment or until what stands now has cleared. What gets
/// worse is not muted.
#[utoipa::path(post, path = "/api2/json/cluster/multipath/mutes", tag = "cluster", request_body = MuteBody,
    responses(
        (status = 200, description = "The mute stands in the store", body = MuteAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 409, description = "There are too many, or others write all the time; nothing was changed", body = ErrorBody),
        (status = 503, description = "Not ready yet, or the store takes no writes now", body = ErrorBody),
    ))]
pub(super) async fn mute_add() {}

/// Takes a mute away.
#[utoipa::path(delete, path = "/api2/json/cluster/multipath/mutes/{id}", tag = "cluster",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "It is gone from the store", body = MuteAnswer),
        (status = 404, description = "There is no such mute", body = ErrorBody),
        (status = 409, description = "Others write all the time; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now", body = ErrorBody),
    ))]
pub(super) async fn mute_remove() {}

/// Maintenance windows: what the object of an open one explains stays shown, and does not count.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/windows", tag = "cluster",
    responses(
        (status = 200, description = "The windows", body = WindowsAnswer),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    ))]
pub(super) async fn windows() {}

/// Opens a maintenance window, now or later.
#[utoipa::path(post, path = "/api2/json/cluster/multipath/windows", tag = "cluster", request_body = WindowBody,
    responses(
        (status = 200, description = "The window stands in the store", body = WindowAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 409, description = "There are too many, or others write all the time; nothing was changed", body = ErrorBody),
        (status = 503, description = "Not ready yet, or the store takes no writes now", body = ErrorBody),
    ))]
pub(super) async fn window_add() {}

/// Ends a window now; it stays listed for 30 days.
#[utoipa::path(post, path = "/api2/json/cluster/multipath/windows/{id}/end", tag = "cluster",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "It has ended", body = WindowAnswer),
        (status = 404, description = "There is no such window", body = ErrorBody),
        (status = 409, description = "Others write all the time; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now", body = ErrorBody),
    ))]
pub(super) async fn window_end() {}

/// Takes a window away.
#[utoipa::path(delete, path = "/api2/json/cluster/multipath/windows/{id}", tag = "cluster",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "It is gone from the store", body = WindowAnswer),
        (status = 404, description = "There is no such window", body = ErrorBody),
        (status = 409, description = "Others write all the time; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now", body = ErrorBody),
    ))]
pub(super) async fn window_remove() {}

/// Words that people gave to ports, and the fabrics and controllers that they say these belong to.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/names", tag = "cluster",
    responses(
        (status = 200, description = "The names", body = NamesAnswer),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    ))]
pub(super) async fn names() {}

/// Says something of ports, or nothing more of them; all of it or nothing.
#[utoipa::path(put, path = "/api2/json/cluster/multipath/names", tag = "cluster", request_body = NamesBody,
    responses(
        (status = 200, description = "It stands in the store", body = NamesChangedAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 409, description = "The document has another digest, or others write all the time; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now", body = ErrorBody),
    ))]
pub(super) async fn names_set() {}

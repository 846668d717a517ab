// What to do when this browser's session may have ended: only a log-in brings the page back.

export function toLogIn() {
  const here = location.pathname + location.search;
  location.assign(`/login?next=${encodeURIComponent(here)}`);
}

// Asks the server, for a WebSocket that is refused does not say why. Without an answer nothing is
// known, and whoever asks tries again.
export async function checkSession() {
  try {
    const answer = await fetch("/api/v1/cameras", { method: "HEAD" });
    if (answer.status === 401) toLogIn();
  } catch {
    // The server is away, which the page says already.
  }
}

package web

// State is how a state is shown: with a sign and a word, so that the colour is not needed to tell states apart.
type State struct {
	// Class is one of good, bad, busy, idle and warn.
	Class, Sign, Word string
}

var states = map[string]State{
	"success":    {"good", "✓", "Success"},
	"failure":    {"bad", "✕", "Failure"},
	"retrying":   {"warn", "↻", "Retrying"},
	"pending":    {"busy", "●", "Pending"},
	"active":     {"good", "✓", "Active"},
	"disabled":   {"bad", "✕", "Disabled"},
	"paused":     {"warn", "‖", "Paused"},
	"failing":    {"bad", "!", "Failing"},
	"running":    {"busy", "●", "Running"},
	"completed":  {"good", "✓", "Completed"},
	"cancelled":  {"idle", "–", "Cancelled"},
	"superseded": {"idle", "–", "Superseded"},
	"ok":         {"good", "✓", "OK"},
	"failed":     {"bad", "✕", "Failed"},
	"unknown":    {"idle", "?", "Unknown"},
	"open":       {"bad", "✕", "Open"},
	"half_open":  {"warn", "◐", "Half-open"},
	"closed":     {"good", "✓", "Closed"},
	"valid":      {"good", "✓", "Valid"},
	"revoked":    {"idle", "–", "Revoked"},
	"expired":    {"idle", "–", "Expired"},
	"deprecated": {"idle", "–", "Deprecated"},
}

// stateOf returns how a state is shown. One that this version does not know is shown by its own name.
func stateOf(name any) State {
	text, ok := name.(string)
	if !ok {
		if named, isNamed := name.(interface{ String() string }); isNamed {
			text = named.String()
		}
	}
	if state, known := states[text]; known {
		return state
	}
	return State{"idle", "?", text}
}

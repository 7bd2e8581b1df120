package egress

import (
	"errors"
	"net/netip"
)

// ErrRefused matches every refusal of this package: errors.Is(err, ErrRefused), also through what net.Dialer and
// http.Client wrap around it.
var ErrRefused = errors.New("egress refused")

// The reasons of a refusal. They are part of what clients see and never change their spelling.
const (
	ReasonInvalidURL            = "invalid_url"
	ReasonSchemeNotAllowed      = "scheme_not_allowed"
	ReasonCredentialsInURL      = "credentials_in_url"
	ReasonInvalidPort           = "invalid_port"
	ReasonInvalidHost           = "invalid_host"
	ReasonDestinationNotAllowed = "destination_not_allowed"
)

// Refusal says why a destination is refused.
type Refusal struct { //nolint:errname // it is what the guard answers, and only then an error
	Reason  string // one of the Reason constants
	Message string // one sentence for the customer, saying how to mend it; quotes nothing of the URL

	// Addr is the forbidden address, zero when the refusal is not about one. It is for the operator's log only: shown to
	// customers, it would tell them how names resolve inside our network.
	Addr netip.Addr
}

// Error gives the reason and the message, but not the address.
func (r *Refusal) Error() string {
	return ErrRefused.Error() + " (" + r.Reason + "): " + r.Message
}

// Is makes every Refusal match ErrRefused.
func (r *Refusal) Is(target error) bool {
	return target == ErrRefused
}

// refuse returns a refusal that is not about one address.
func refuse(reason, message string) *Refusal {
	return &Refusal{Reason: reason, Message: message}
}

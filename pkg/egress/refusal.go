package egress

import (
	"errors"
	"net/netip"
)

// ErrRefused matches every *Refusal with errors.Is, also inside the errors of net.Dialer and http.Client.
var ErrRefused = errors.New("egress refused")

// The reasons of a refusal. Clients of the API see them, so they must not change.
const (
	ReasonInvalidURL            = "invalid_url"
	ReasonSchemeNotAllowed      = "scheme_not_allowed"
	ReasonCredentialsInURL      = "credentials_in_url"
	ReasonInvalidPort           = "invalid_port"
	ReasonInvalidHost           = "invalid_host"
	ReasonDestinationNotAllowed = "destination_not_allowed"
)

// Refusal is the error for a URL or an address that may not be used.
type Refusal struct { //nolint:errname // it is a result of the guard first, and an error second
	Reason  string // one of the Reason constants
	Message string // tells the customer in one sentence how to correct the URL; quotes nothing of it

	// Addr is the forbidden address, or zero if the refusal is not about an address. It is for the operator's log only: customers could
	// find out from it how names resolve inside our network.
	Addr netip.Addr
}

// Error returns the reason and the message, without the address.
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

//go:build !linux

package lifecycle

import (
	"errors"
	"net"
)

// refuseHandshakes is available on Linux alone.
func refuseHandshakes(net.Listener) error { return errors.ErrUnsupported }

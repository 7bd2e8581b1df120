//go:build !linux

package lifecycle

import (
	"errors"
	"net"
)

// unaccepted is available on Linux alone.
func unaccepted(net.Listener) int { return 0 }

// refuseHandshakes is available on Linux alone.
func refuseHandshakes(net.Listener) error { return errors.ErrUnsupported }

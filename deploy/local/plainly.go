package local

import (
	"errors"
	"fmt"
	"syscall"

	"redrive/pkg/lifecycle"
)

// plainly adds the name of the setting to the error of an address that could not be bound.
func plainly(err error, part string, settings map[string]string) error {
	var refused *lifecycle.ListenError
	if !errors.As(err, &refused) {
		return fmt.Errorf("%s: %w", part, err)
	}
	setting := settings[refused.Addr]
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s cannot listen on %s, which another program uses: stop that one, or set %s to another address, such as 127.0.0.1:0 for any free port (%w)",
			part, refused.Addr, setting, refused.Err)
	}
	return fmt.Errorf("%s cannot listen on %s: set %s to another address (%w)", part, refused.Addr, setting, refused.Err)
}

package egress_test

import (
	"errors"
	"fmt"
	"net/netip"

	"redrive/pkg/egress"
)

// A guard refuses destinations that are not public. An operator can allow more.
func ExampleGuard_CheckAddr() {
	guard := egress.New(egress.Config{})
	fmt.Println(guard.CheckAddr(netip.MustParseAddr("8.8.8.8")))
	metadata := guard.CheckAddr(netip.MustParseAddr("169.254.169.254"))
	fmt.Println(errors.Is(metadata, egress.ErrRefused))

	allowing := egress.New(egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}})
	fmt.Println(allowing.CheckAddr(netip.MustParseAddr("10.1.2.3")))
	// Output:
	// <nil>
	// true
	// <nil>
}

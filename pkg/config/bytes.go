package config

import (
	"fmt"
	"math"

	"github.com/dustin/go-humanize"
)

// Bytes is a size, written as a number with a unit: 64MiB, 64MB or 67108864.
type Bytes int64

// UnmarshalText reads a size.
func (b *Bytes) UnmarshalText(text []byte) error {
	size, err := humanize.ParseBytes(string(text))
	if err != nil || size > math.MaxInt64 {
		return fmt.Errorf("%q is no size such as 64MiB", text)
	}
	*b = Bytes(size)
	return nil
}

func (b Bytes) String() string {
	return humanize.IBytes(uint64(max(0, b)))
}

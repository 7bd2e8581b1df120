package containers

import (
	"fmt"
	"os"
	"path/filepath"
)

// cacheDir is where programs are kept that take minutes to build.
func cacheDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place for programs: %w", err)
	}
	dir := filepath.Join(cache, "redrive", "docker")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fmt.Errorf("make a place for programs: %w", err)
	}
	return dir, nil
}

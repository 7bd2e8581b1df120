package containers

import (
	"fmt"
	"os"
	"path/filepath"
)

// cacheDir is the folder for programs whose build takes minutes.
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

package containers

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// pullLimit bounds the pull of one image.
const pullLimit = 3 * time.Minute

// origin is the source of an image of others.
type origin string

const (
	present  origin = "present"
	pulled   origin = "pulled"
	standIn  origin = "stand-in"
	omitted  origin = "not available"
	versions        = 20 * time.Second
)

// Image is an image of others, and the image that is used instead of it.
type Image struct {
	// Wanted is the name in docker-compose.yml or the Dockerfile, and Used the one that runs. Empty means that there is none.
	Wanted, Used string
	Origin       origin
	// Version is the version that the program in the image reports.
	Version string
}

// obtain finds an image: on the engine, in its registry, or as a stand-in.
func (s *Session) obtain(ctx context.Context, progress io.Writer, wanted string) (Image, error) {
	image := Image{Wanted: wanted, Used: wanted, Origin: present}
	repository, _, _ := strings.Cut(wanted, ":")
	stand, replaceable := standins[repository]
	switch {
	case s.has(ctx, wanted):
	case s.pull(ctx, wanted):
		image.Origin = pulled
	case replaceable:
		image.Origin, image.Used = standIn, standinPrefix+repository+":"+s.ID
		if err := stand.build(ctx, progress, s.engine, image.Used); err != nil {
			return image, fmt.Errorf("make a stand-in for %s: %w", wanted, err)
		}
	default:
		image.Origin, image.Used = omitted, ""
		return image, nil
	}
	if len(stand.version) > 0 {
		image.Version = s.versionOf(ctx, image.Used, stand.version)
	}
	return image, nil
}

func (s *Session) has(ctx context.Context, image string) bool {
	_, err := s.docker(ctx, "image", "inspect", image)
	return err == nil
}

func (s *Session) pull(ctx context.Context, image string) bool {
	ctx, cancel := context.WithTimeout(ctx, pullLimit)
	defer cancel()
	_, err := s.docker(ctx, "pull", "--quiet", image)
	return err == nil
}

// versionOf runs the program to get its version, because the tag of a stand-in is not its version.
func (s *Session) versionOf(ctx context.Context, image string, command []string) string {
	ctx, cancel := context.WithTimeout(ctx, versions)
	defer cancel()
	args := append([]string{"run", "--rm", "--network", "none", "--entrypoint", command[0], "--label", label + "=" + s.ID, image}, command[1:]...)
	said, err := s.docker(ctx, args...)
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(said, "\n")
	return strings.TrimSpace(line)
}

// String returns a line of text about the image.
func (i Image) String() string {
	if i.Used == "" {
		return fmt.Sprintf("%s: neither present nor pullable, and without a stand-in", i.Wanted)
	}
	text := fmt.Sprintf("%s: %s", i.Wanted, i.Origin)
	if i.Origin == standIn {
		text += " " + i.Used
	}
	if i.Version != "" {
		text += ", " + i.Version
	}
	return text
}

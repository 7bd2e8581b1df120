// Package release holds the scripts that make a release, which .github/workflows/release.yml runs, and their tests.
//
//	binaries.sh   archives for each platform, SBOMs and SHA256SUMS: make dist
//	images.sh     images for several platforms, with SBOM and provenance: make images
//	notes.sh      a version's section of CHANGELOG.md
package release

// Package structure checks the source code against the rules of CONTRIBUTING: the length of files and functions, package comments, the
// direction of imports and the size of interfaces. Its tests parse the repository and print the figures:
//
//	go test -v ./deploy/structure
package structure

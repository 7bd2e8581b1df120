// Package structure holds the source code against the rules of CONTRIBUTING: the length of files and functions, package comments, the
// direction of imports, the size of interfaces, and the package that knows asynq's keys. Its tests parse the repository and print what
// they measured:
//
//	go test -v ./deploy/structure
package structure

/// The program's version, which files of it tell.
package let programVersion = "0.1.0"

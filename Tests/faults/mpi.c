// A call of MPI that fails on one rank, as where the network is at fault. To be preloaded.
//
// MPI_FAULT=NAME:RANK:N: the N-th call of MPI_Waitall or MPI_Startall on a rank is done, but says that
// it failed: of the last of several messages, as MPI has it, in its status alone.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_wanted(const char *name) {
  static int calls;
  char wanted[32];
  int rank, number;
  const char *fault = getenv("MPI_FAULT"), *own = getenv("OMPI_COMM_WORLD_RANK");
  if (!fault || !own || sscanf(fault, "%31[^:]:%d:%d", wanted, &rank, &number) != 3) return 0;
  return strcmp(name, wanted) == 0 && atoi(own) == rank && ++calls == number;
}

int MPI_Waitall(int count, MPI_Request requests[], MPI_Status statuses[]) {
  int (*real)(int, MPI_Request *, MPI_Status *) = dlsym(RTLD_NEXT, "MPI_Waitall");
  int status = real(count, requests, statuses);
  if (!is_wanted("MPI_Waitall")) return status;
  for (int i = 0; i < count; i++) statuses[i].MPI_ERROR = MPI_SUCCESS;
  statuses[count - 1].MPI_ERROR = MPI_ERR_TRUNCATE;
  return MPI_ERR_IN_STATUS;
}

int MPI_Startall(int count, MPI_Request requests[]) {
  int (*real)(int, MPI_Request *) = dlsym(RTLD_NEXT, "MPI_Startall");
  int status = real(count, requests);
  return is_wanted("MPI_Startall") ? MPI_ERR_REQUEST : status;
}

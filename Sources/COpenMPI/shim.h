// MPI's handles are macros with casts, which Swift cannot import: functions return them.
#include <mpi.h>

static inline MPI_Comm wgangp_comm_world(void) { return MPI_COMM_WORLD; }
static inline MPI_Datatype wgangp_double(void) { return MPI_DOUBLE; }
static inline MPI_Datatype wgangp_byte(void) { return MPI_BYTE; }
static inline MPI_Status *wgangp_statuses_ignore(void) { return MPI_STATUSES_IGNORE; }
static inline MPI_Errhandler wgangp_errors_return(void) { return MPI_ERRORS_RETURN; }

import Testing

/// Tests of the built program, alone and under mpirun.
///
/// They run one after the other: every one of them wants all cores.
@Suite(.serialized) struct SystemTests {}

#!/bin/bash
# One sweep over the ranks of two nodes. Submit: sbatch scripts/slurm/mpi.sh PLAN FOLDER
#SBATCH --job-name=moire
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=2G
#SBATCH --time=04:00:00
export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
exec srun --cpus-per-task="$SLURM_CPUS_PER_TASK" moire sweep "$1" --output "$2"

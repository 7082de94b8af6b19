@_exported import MartletData
@_exported import MartletFiles
@_exported import MartletNN
@_exported import MartletOptim
@_exported import MartletTensor
@_exported import MartletTraining
@_exported import MartletVision
